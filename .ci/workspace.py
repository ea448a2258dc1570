#!/usr/bin/env python3
"""Questions about the workspace that cargo answers only as JSON.

workspace.py documentation  name of each published package, and the file of its documentation as JSON, made anew
workspace.py external       fails when a public signature names a crate that its package does not list
workspace.py features       one line of cargo arguments for each feature set that must build by itself
workspace.py msrv           fails when a dependency in Cargo.lock needs a newer Rust than the package that uses it promises
workspace.py publishable    name, version and promised Rust of each package that goes to crates.io
"""

import json
import os
import pathlib
import subprocess
import sys

BACKEND, OTHER_BACKEND = "aws-lc-rs", "rust-crypto"


def main():
    commands = {"documentation": documentations, "external": external, "features": features, "msrv": msrv, "publishable": publishable}
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


def external():
    """The allowed crates are in `package.metadata.cargo_check_external_types`, as cargo-check-external-types
    reads them. That tool needs one certain nightly; the documentation as JSON does not."""
    data = metadata("--no-deps")
    target = pathlib.Path(data["target_directory"])
    faults = []
    for package in members(data):
        if not is_published(package):
            continue
        settings = (package["metadata"] or {}).get("cargo_check_external_types", {})
        allowed = {pattern.removesuffix("::*") for pattern in settings.get("allowed_external_types", [])}
        found = named_crates(documentation(package, target))
        for crate in sorted(found.keys() - allowed):
            faults.append(f"{package['name']}: {sorted(found[crate])[0]} is in a public signature")
        for crate in sorted(allowed - found.keys()):
            faults.append(f"{package['name']}: {crate} is allowed, and in no public signature")
    if faults:
        sys.exit("\n".join(faults))


def documentations():
    data = metadata("--no-deps")
    target = pathlib.Path(data["target_directory"])
    for package in filter(is_published, members(data)):
        documentation(package, target)
        print(package["name"], documentation_file(package, target), flush=True)


def documentation_file(package, target):
    return target / "doc" / f"{package['name'].replace('-', '_')}.json"


def documentation(package, target):
    # For rustdoc only: build scripts that see the variable compile their crates in another way.
    rustdoc = target / "tools" / "rustdoc-json"
    rustdoc.parent.mkdir(parents=True, exist_ok=True)
    rustdoc.write_text('#!/bin/sh\nRUSTC_BOOTSTRAP=1 exec rustdoc "$@"\n')
    rustdoc.chmod(0o755)
    command = ["cargo", "rustdoc", "--quiet", "-p", package["name"], "--lib", "--all-features", "--locked"]
    command += ["--", "-Z", "unstable-options", "--output-format", "json"]
    subprocess.run(command, check=True, env={**os.environ, "RUSTDOC": str(rustdoc)})
    return json.loads(documentation_file(package, target).read_text())


def named_crates(documentation):
    """The types and traits of other crates that public items name, by their crate."""
    crates = {int(number): crate["name"] for number, crate in documentation["external_crates"].items()}
    found = {}

    def look(value):
        if isinstance(value, list):
            for part in value:
                look(part)
        elif isinstance(value, dict):
            path = documentation["paths"].get(str(value.get("id"))) if "path" in value else None
            # What a macro of another crate writes into an impl is hidden.
            if path and path["crate_id"] != 0 and "__private" not in path["path"]:
                found.setdefault(crates[path["crate_id"]], set()).add("::".join(path["path"]))
            for part in value.values():
                look(part)

    for item in documentation["index"].values():
        derived = item["inner"].get("impl", {})
        if item["crate_id"] == 0 and not derived.get("is_synthetic") and not derived.get("blanket_impl"):
            look(item["inner"])
    return {crate: names for crate, names in found.items() if crate not in {"alloc", "core", "std"}}


def is_published(package):
    return package["publish"] != []


def members(data):
    return [package for package in data["packages"] if package["id"] in data["workspace_members"]]


def metadata(*arguments):
    command = ["cargo", "metadata", "--format-version", "1", "--locked", *arguments]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)


if __name__ == "__main__":
    main()
