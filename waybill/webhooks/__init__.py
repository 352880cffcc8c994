"""Webhooks: a change of a file becomes signed HTTP requests to the addresses that its owner has registered.

The path of a change, from top to bottom:

``consumer``        reads the change stream; one worker at a time holds its lease
``fanout``          makes one delivery for each webhook that subscribes to the event, and enqueues it
``deliver``         leases the delivery, makes one attempt, and records the outcome and the next attempt
``concurrency``     limits the attempts that one process makes at once to one receiver
``message``         the body, the id and the signature of a message (Standard Webhooks)
``http_client``     sends the request, to public addresses only (``address_policy``)
``reconcile``       enqueues again the deliveries that are due and have no job

``service`` has what owners do with webhooks, and ``deliveries`` what they do with deliveries. The documents
are in ``model``. Only ``repository`` and ``delivery_repository`` read and write them.
"""
