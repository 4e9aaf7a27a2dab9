"""Label quality, measured: stored labels against planted truth, people, a second reading and simple rules.

What is measured is what the machine says: corrections by people play no part. A measure lies in the scope of the labels
it is of; what people say of them stays with their organisation.
"""
