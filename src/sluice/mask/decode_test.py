#!/usr/bin/env python3
"""Decodes tokens and sealed payloads with other people's libraries, by the code that docs/masks.md shows.

decode_test.py TOKENS DOCS: TOKENS is the program print_tokens, DOCS the page. Its Python runs where the library
`cryptography` is there, its shell lines always; what is left out says so.
"""
import base64
import json
import os
import re
import subprocess
import sys
import tempfile

KEYRING = {
    "sluice_keyring": 1,
    "keys": [
        {"id": "k1", "status": "enabled", "created": "2025-01-31T12:00:00Z", "secret": bytes(range(32)).hex()},
        {"id": "k2", "status": "primary", "created": "2026-01-31T12:00:00Z", "secret": bytes(range(255, 223, -1)).hex()},
        {"id": "k3", "status": "enabled", "created": "2026-02-28T12:00:00Z", "secret": bytes(range(100, 132)).hex(), "fernet_domain": "legacy"},
    ],
}


def block(page, language):
    """The page's one block of code in that language."""
    found = re.findall(rf"^```{language}\n(.*?)^```$", page, re.M | re.S)
    assert len(found) == 1, f"{len(found)} blocks of {language}"
    return found[0]


def check_fernet(domain, token, wanted):
    """A key from elsewhere writes in its domain as it is, and nowhere else."""
    from cryptography.fernet import Fernet, InvalidToken

    legacy = Fernet(base64.urlsafe_b64encode(bytes.fromhex(KEYRING["keys"][2]["secret"])))
    try:
        assert legacy.decrypt(token).decode() == wanted and domain == "legacy"
    except InvalidToken:
        assert domain != "legacy"


def check_python(code, keyring, lines):
    try:
        import cryptography
    except ImportError:
        print("SKIPPED LOUDLY: Python's `cryptography` not found; no mask_siv token and no sealed payload was decoded")
        return
    page = {}
    exec(compile(code, "docs/masks.md", "exec"), page)
    counts = {}
    for line in lines:
        function = line["function"]
        given = line.get("arguments", [])
        argument = lambda at, otherwise: given[at] if len(given) > at else otherwise
        wanted = line["value"]
        if function == "mask_siv":
            got = page["unmask_siv"](keyring, line["domain"], line["form"], line["token"])
        elif function == "mask_hmac":
            canonical = bytes.fromhex(line["canonical"])
            got, wanted = page["mask_hmac"](keyring, "k2", line["domain"], line["form"], canonical), line["token"]
        elif function in ("mask_ip", "mask_ip_prefix"):
            got = page["un" + function](keyring, "k2", argument(0, "ip"), line["token"])
        elif function == "mask_fpe":
            got = page["unmask_fpe"](keyring, "k2", argument(2, "fpe"), given[0], argument(1, ""), line["token"])
        elif function == "mask_fernet":
            domain = argument(0, "fernet")
            got = page["unmask_fernet"](keyring, domain, line["token"])
            check_fernet(domain, line["token"], wanted)
        elif function == "mask_seal":
            got = page["unmask_seal"](keyring, argument(0, "seal"), line["token"])
        elif function == "mask_date_shift":
            wanted, entity = wanted.split("\t")
            days = int(argument(0, "365"))
            got = page["unmask_date_shift"](keyring, "k2", argument(1, "date"), days, entity, line["token"])
        else:
            got = page["unseal"](keyring, bytes.fromhex(line["sealed"]), b"logins").decode()
        assert got == wanted, f"{function} {line}: got {got!r}"
        counts[function] = counts.get(function, 0) + 1
    wanted = {"mask_hmac": 8, "mask_siv": 8, "mask_ip": 2, "mask_ip_prefix": 2, "mask_fpe": 4, "mask_fernet": 3}
    assert counts == wanted | {"mask_seal": 2, "mask_date_shift": 2, "seal": 2}, counts
    print(f"decoded with cryptography {cryptography.__version__}: {counts}")


def check_shell(code, keyring, lines):
    wanted = [x["token"] for x in lines if x["function"] == "mask_hmac" and x["value"] == "593-47-5928"]
    # The page reads the first key of the file.
    first = dict(KEYRING, keys=sorted(KEYRING["keys"], key=lambda key: key["status"] != "primary"))
    with open(keyring, "w") as out:
        json.dump(first, out)
    ran = subprocess.run(["bash", "-euo", "pipefail", "-c", code], cwd=os.path.dirname(keyring), capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    assert ["k2." + ran.stdout.strip()] == wanted, f"{ran.stdout!r} is not {wanted}"
    print("made with the OpenSSL command line: 1 mask_hmac token")


def main():
    tokens, docs = sys.argv[1:]
    with open(docs, encoding="utf-8") as page:
        page = page.read()
    with tempfile.TemporaryDirectory() as folder:
        keyring = os.path.join(folder, "keys.json")
        with open(os.open(keyring, os.O_CREAT | os.O_WRONLY, 0o600), "w") as out:
            json.dump(KEYRING, out)
        ran = subprocess.run([tokens, keyring], capture_output=True, text=True)
        assert ran.returncode == 0, ran.stderr
        lines = [json.loads(line) for line in ran.stdout.splitlines()]
        check_python(block(page, "python"), keyring, lines)
        check_shell(block(page, "sh"), keyring, lines)


main()
