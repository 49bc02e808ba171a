#!/usr/bin/python3
"""The schema that `sluice schema` prints accepts each file in good/ and rejects each in bad/."""
import json
import pathlib
import subprocess
import sys

try:
    import jsonschema
    import yaml
except ImportError as missing:
    print(f"SKIPPED LOUDLY: {missing}; install python3-jsonschema and python3-yaml")
    sys.exit(77)

here = pathlib.Path(__file__).parent
schema = json.loads(subprocess.run([sys.argv[1], "schema"], check=True, capture_output=True).stdout)
# Older versions of the library do not know the draft; the keywords used here mean the same in the one before.
draft = getattr(jsonschema, "Draft202012Validator", jsonschema.Draft7Validator)
draft.check_schema(schema)
validator = draft(schema)
# Only true and false are booleans, as in YAML 1.2: `on` is a key of ours.
for first in "yYnNoO":
    resolvers = yaml.SafeLoader.yaml_implicit_resolvers
    resolvers[first] = [one for one in resolvers.get(first, []) if one[0] != "tag:yaml.org,2002:bool"]
failed = 0
counted = 0
for folder, wanted in (("good", True), ("bad", False)):
    for file in sorted((here / folder).glob("*.yaml")):
        # Dates stay text, as they are for an editor.
        project = json.loads(json.dumps(yaml.safe_load(file.read_text()), default=str))
        accepted = validator.is_valid(project)
        counted += 1
        if accepted != wanted:
            failed += 1
            print(f"{folder}/{file.name}: the schema {'accepts' if accepted else 'rejects'} it")
            if not accepted:
                print("  " + jsonschema.exceptions.best_match(validator.iter_errors(project)).message)
print(f"{counted - failed} passed, {failed} failed")
sys.exit(1 if failed or not counted else 0)
