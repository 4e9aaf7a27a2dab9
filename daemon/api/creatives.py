"""What the ads of a brandspace show and say, each once: files, concepts; and the link to one file."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated

from flask import Response
from flask_openapi.blueprint import APIBlueprint
from pydantic import BaseModel, Field

from core.adapters.object_content import served_type
from core.queries.brandspaces import ALL_BRANDS
from core.queries.concepts import list_concepts
from core.queries.creatives import list_creatives
from core.queries.groups import GROUP_SORTS, GroupPage
from core.queries.media import media_grant
from core.queries.similar import MAX_SIMILAR, similar_ads
from daemon.api.ads import AdPath, FilterParams
from daemon.api.answers import dated, dated_response, filters_of
from daemon.api.brandspaces import BrandspacePath
from daemon.api.context import current_principal, json_response, services
from daemon.api.errors import ErrorAnswer
from daemon.api.links import (
    LinkedConcepts,
    LinkedCreatives,
    LinkedSimilarTexts,
    linked_concepts,
    linked_creatives,
    linked_similar_texts,
)
from daemon.api.schemas import Identifier, Paging

blueprint = APIBlueprint("creatives", __name__, url_prefix="/api/v1", abp_tags=[{"name": "creatives"}])


class GroupQuery(Paging, FilterParams):
    """Filters, order and page."""

    sort: Annotated[str, Field(description=f"One of {', '.join(GROUP_SORTS)}")] = GROUP_SORTS[0]


class SimilarQuery(FilterParams):
    """Filters of the ads to compare with."""

    brandspace: Annotated[Identifier, Field(description="A brandspace's id: the ads to compare with")] = ALL_BRANDS
    limit: Annotated[int, Field(ge=1, le=MAX_SIMILAR, description="How many texts at most")] = 10


class MediaPath(BaseModel):
    """A stored file by its content."""

    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class MediaLink(BaseModel):
    """``url`` gives the file, as ``content_type``, to anyone who holds it, until ``expires_at``."""

    url: str
    content_type: str
    expires_at: datetime


@blueprint.get(
    "/brandspaces/<string:brandspace_id>/creatives",
    responses={200: dated(LinkedCreatives), 400: ErrorAnswer, 404: ErrorAnswer},
)
def creatives(path: BrandspacePath, query: GroupQuery) -> Response:
    """List the media files of the ads that pass the filters, each once."""
    page = GroupPage(query.cursor, query.limit, query.sort)
    found = list_creatives(services().database, current_principal(), path.brandspace_id, filters_of(query), page)
    return dated_response(linked_creatives(services(), found))


@blueprint.get(
    "/brandspaces/<string:brandspace_id>/concepts",
    responses={200: dated(LinkedConcepts), 400: ErrorAnswer, 404: ErrorAnswer},
)
def concepts(path: BrandspacePath, query: GroupQuery) -> Response:
    """List the ideas of the brands: ads with near pictures and words are one, as your organisation corrected it."""
    page = GroupPage(query.cursor, query.limit, query.sort)
    found = list_concepts(services().database, current_principal(), path.brandspace_id, filters_of(query), page)
    return dated_response(linked_concepts(services(), found))


@blueprint.get(
    "/ads/<string:ad_id>/similar",
    responses={200: dated(LinkedSimilarTexts), 400: ErrorAnswer, 404: ErrorAnswer, 409: ErrorAnswer},
)
def similar(path: AdPath, query: SimilarQuery) -> Response:
    """Find what other ads say that is nearest to this ad's text, each text once."""
    found = similar_ads(
        services().database,
        current_principal(),
        query.brandspace,
        filters_of(query),
        ad_id=path.ad_id,
        vectors=services().text_vectors,
        limit=query.limit,
    )
    return dated_response(linked_similar_texts(services(), found))


@blueprint.get("/media/<string:sha256>", responses={200: MediaLink, 404: ErrorAnswer})
def media_link(path: MediaPath) -> Response:
    """A link to a file of an ad you may see."""
    content_type = media_grant(services().database, current_principal(), path.sha256)
    seconds = services().settings.media_link_seconds
    expires_at = services().clock.now().replace(microsecond=0) + timedelta(seconds=seconds)
    url = services().objects.link(path.sha256, content_type=content_type, expires_in_seconds=seconds)
    return json_response(MediaLink(url=url, content_type=served_type(content_type), expires_at=expires_at))
