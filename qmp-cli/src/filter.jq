# Formats of jq that jaq's libraries do not define.
def @csv: map(
    if . == null then "" elif type == "string" then "\"" + (split("\"") | join("\"\"")) + "\""
    else tojson end) | join(",");
def @tsv: map(
    if . == null then ""
    elif type == "string" then
        (split("\\") | join("\\\\")) | (split("\t") | join("\\t"))
        | (split("\n") | join("\\n")) | (split("\r") | join("\\r"))
    else tojson end) | join("\t");
