"""A CycloneDX 1.5 bill of materials from `cargo metadata` on standard input: what is in the program, and not what tests need."""

import json
import sys


def components(metadata):
    packages = {package["id"]: package for package in metadata["packages"]}
    nodes = {node["id"]: node for node in metadata["resolve"]["nodes"]}
    root = metadata["resolve"]["root"]
    seen, waiting, edges = set(), [root], {}
    while waiting:
        known = waiting.pop()
        if known in seen:
            continue
        seen.add(known)
        # a dependency of tests is in no release
        needed = [
            dep["pkg"]
            for dep in nodes[known]["deps"]
            if any(kind["kind"] != "dev" for kind in dep["dep_kinds"])
        ]
        edges[known] = needed
        waiting.extend(needed)
    return packages, root, seen, edges


def purl(package):
    return f"pkg:cargo/{package['name']}@{package['version']}"


def checksums(lock):
    found, name, version = {}, None, None
    for line in lock:
        key, _, value = line.strip().partition(" = ")
        value = value.strip('"')
        if key == "name":
            name = value
        elif key == "version":
            version = value
        elif key == "checksum":
            found[name, version] = value
    return found


def component(package, hashes):
    made = {
        "type": "library",
        "bom-ref": purl(package),
        "name": package["name"],
        "version": package["version"],
        "purl": purl(package),
    }
    if package["license"]:
        made["licenses"] = [{"expression": package["license"].replace("/", " OR ")}]
    checksum = hashes.get((package["name"], package["version"]))
    if checksum:
        made["hashes"] = [{"alg": "SHA-256", "content": checksum}]
    return made


def main():
    packages, root, seen, edges = components(json.load(sys.stdin))
    with open("Cargo.lock", encoding="utf-8") as lock:
        hashes = checksums(lock)
    ours = component(packages[root], hashes) | {"type": "application"}
    order = sorted(seen - {root}, key=lambda known: purl(packages[known]))
    bill = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {"component": ours},
        "components": [component(packages[known], hashes) for known in order],
        "dependencies": [
            {"ref": purl(packages[known]), "dependsOn": sorted({purl(packages[dep]) for dep in edges[known]})}
            for known in [root, *order]
        ],
    }
    json.dump(bill, sys.stdout, indent=1)
    print()


main()
