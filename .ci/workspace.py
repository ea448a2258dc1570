#!/usr/bin/env python3
"""Questions about the workspace that cargo answers only as JSON.

workspace.py features    one line of cargo arguments for each feature set that must build by itself
workspace.py msrv        fails when a dependency in Cargo.lock needs a newer Rust than the package that uses it promises
workspace.py publishable name, version and promised Rust of each package that goes to crates.io
"""

import json
import subprocess
import sys

BACKEND, OTHER_BACKEND = "aws-lc-rs", "rust-crypto"


def main():
    commands = {"features": features, "msrv": msrv, "publishable": publishable}
    if len(sys.argv) != 2 or sys.argv[1] not in commands:
        sys.exit(__doc__)
    commands[sys.argv[1]]()


def features():
    for package in members(metadata("--no-deps")):
        own = set(package["features"]) - {"default", BACKEND, OTHER_BACKEND}
        if not package["features"]:
            continue
        first, second = backend(package, BACKEND), backend(package, OTHER_BACKEND)
        sets = [first, second]
        sets += [[feature, *first] for feature in sorted(own)]
        sets.append(sorted(own) + second)
        if "default" in package["features"]:
            print(f"-p {package['name']}")
        for chosen in unique(sets):
            print(f"-p {package['name']} --no-default-features --features {','.join(chosen)}".rstrip())


def backend(package, name):
    """The backend as the package's own feature, else as a feature of the core it depends on."""
    if name in package["features"]:
        return [name]
    core = [d for d in package["dependencies"] if d["name"] == "countersign" and d["kind"] is None]
    return [f"countersign/{name}"] if core else []


def unique(sets):
    return [list(chosen) for chosen in dict.fromkeys(tuple(chosen) for chosen in sets) if chosen]


def msrv():
    data = metadata("--all-features")
    packages = {package["id"]: package for package in data["packages"]}
    nodes = {node["id"]: node for node in data["resolve"]["nodes"]}
    faults = []
    for member in members(data):
        promised = member["rust_version"]
        if promised is None:
            if is_published(member):
                faults.append(f"{member['name']} has no rust-version")
            continue
        for dependency in reachable(nodes, member["id"]):
            needed = packages[dependency]["rust_version"]
            if needed and version(needed) > version(promised):
                name = f"{packages[dependency]['name']} {packages[dependency]['version']}"
                faults.append(f"{member['name']} promises Rust {promised}, {name} needs {needed}")
    if faults:
        sys.exit("\n".join(faults))


def reachable(nodes, start):
    """What a user of the package compiles: all dependencies that are not for development only."""
    seen, todo = set(), [start]
    while todo:
        for dependency in nodes[todo.pop()]["deps"]:
            kinds = {kind["kind"] for kind in dependency["dep_kinds"]}
            if kinds != {"dev"} and dependency["pkg"] not in seen:
                seen.add(dependency["pkg"])
                todo.append(dependency["pkg"])
    return seen


def version(text):
    return tuple(int(part) for part in (text.split(".") + ["0", "0"])[:3])


def publishable():
    for package in members(metadata("--no-deps")):
        if is_published(package):
            print(package["name"], package["version"], package["rust_version"])


def is_published(package):
    return package["publish"] != []


def members(data):
    return [package for package in data["packages"] if package["id"] in data["workspace_members"]]


def metadata(*arguments):
    command = ["cargo", "metadata", "--format-version", "1", "--locked", *arguments]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)


if __name__ == "__main__":
    main()
