"""The workbench's shell: what the pages share."""
