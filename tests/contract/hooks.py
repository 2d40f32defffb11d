"""Archives for schemathesis, and what OpenAPI cannot say of the options."""

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


@schemathesis.hook
def map_case(context, case):
    """Of an option that is given twice, one is enough; and a form's file comes last, which is a matter of order."""
    form = case.body if isinstance(case.body, dict) else {}
    for option in ("quality", "lgwin", "name"):
        places = [(form, option), (case.query or {}, option), (case.headers or {}, f"Recompress-{option.capitalize()}")]
        for place, key in [(place, key) for place, key in places if key in place][1:]:
            del place[key]
    if "file" in form:
        form["file"] = form.pop("file")
    return case
