"""Archives for schemathesis, and rules about the options that OpenAPI cannot express."""

import io
import zipfile

import schemathesis
from hypothesis import strategies as st


def archive(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as zip:
        for name, contents in members.items():
            zip.writestr(name, contents)
    return buffer.getvalue()


names = st.text("abcdefghij", min_size=1, max_size=8)
archives = st.dictionaries(names, st.binary(max_size=2000), max_size=4).map(archive)
schemathesis.openapi.media_type("application/zip", archives)
# The file of a form.
schemathesis.openapi.format("binary", archives)


# Names of members, and names that no member has.
schemathesis.openapi.format("member", names)
schemathesis.openapi.format("glob", st.one_of(names, st.sampled_from(["*", "**", "?", "a*", "*/b", "a\\[b"])))


def places(case, option):
    """Where a case gives an option."""
    form = case.body if isinstance(case.body, dict) else {}
    all = [(form, option), (case.query or {}, option), (case.headers or {}, f"Recompress-{option.capitalize()}")]
    return [(place, key) for place, key in all if key in place]


@schemathesis.hook
def map_case(context, case):
    """Gives each option once, selects the member that comes first, and puts a form's file last."""
    for option in ("quality", "lgwin", "mode", "first", "names", "report", "name"):
        for place, key in places(case, option)[1:]:
            del place[key]
    if places(case, "first"):
        for place, key in places(case, "include") + places(case, "exclude"):
            del place[key]
    if isinstance(case.body, dict) and "file" in case.body:
        case.body["file"] = case.body.pop("file")
    return case
