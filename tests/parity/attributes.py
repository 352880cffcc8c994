"""What a client says of a file beside its content, at random, and how updates change it."""

from typing import Any

from hypothesis import strategies as st

NAMES = ["a", "b", "C é"]
TYPES = ["text/plain", "image/png"]
FOLDERS = ["", "a/", "a/b/", "a.b/c/"]
KEYS = ["k", "l"]
VALUES = ["1", "2=é"]

_folders = st.sampled_from(FOLDERS)
_types = st.sampled_from(TYPES)

#: Fields of a request.
given_attributes = st.fixed_dictionaries(
    {"name": st.sampled_from(NAMES)},
    optional={
        "contentType": _types,
        "folder": _folders,
        "metadata": st.dictionaries(st.sampled_from(KEYS), st.sampled_from(VALUES)),
    },
)

#: Fields of a merge patch.
changed_attributes = st.fixed_dictionaries(
    {},
    optional={
        "name": st.sampled_from(NAMES),
        "contentType": st.none() | _types,
        "folder": st.none() | _folders,
        "metadata": st.none() | st.dictionaries(st.sampled_from(KEYS), st.none() | st.sampled_from(VALUES)),
    },
)


def changed(attributes: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """Attributes after a merge patch."""
    after = {**attributes, **changes}
    if "metadata" in changes:
        merged = {} if changes["metadata"] is None else {**attributes["metadata"], **changes["metadata"]}
        after["metadata"] = {key: value for key, value in merged.items() if value is not None}
    no_type = "application/octet-stream"
    return {**after, "folder": after["folder"] or "", "contentType": after["contentType"] or no_type}


def made_of(given: dict[str, Any]) -> dict[str, Any]:
    """The attributes that a request makes."""
    return changed({"contentType": None, "folder": "", "metadata": {}}, given)
