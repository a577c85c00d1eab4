"""The crates of the workspace, and what they may depend on."""

import os
import subprocess
import tomllib


def members(top):
    """{crate name: (folder, manifest)} of the workspace."""
    folders = tomllib.loads((top / "Cargo.toml").read_text())["workspace"]["members"]
    found = {}
    for folder in folders:
        manifest = tomllib.loads((top / folder / "Cargo.toml").read_text())
        found[manifest["package"]["name"]] = (folder, manifest)
    return found


def dependencies(manifest):
    """Names of the crates that a crate needs outside its tests and build scripts."""
    tables = [manifest, *manifest.get("target", {}).values()]
    return sorted({name for table in tables for name in table.get("dependencies", {})})


def upward(needs, layers):
    """What is wrong with {crate: names of dependencies} by the layers, the ground first."""
    level = {crate: number for number, crates in enumerate(layers) for crate in crates}
    for crate in sorted(needs):
        if crate not in level:
            yield f"{crate} is in no layer of tools/structure/layers.toml"
            continue
        for name in needs[crate]:
            if name in level and level[name] >= level[crate]:
                yield f"{crate} depends on {name}, which is not below it"
    for crate in sorted(set(level) - set(needs)):
        yield f"{crate} of tools/structure/layers.toml is no crate of the workspace"


def packages(top, crate):
    """Names of all packages that the crate compiles, directly or through others."""
    form = ["--edges", "normal", "--prefix", "none", "--format", "{p}"]
    # With features united over the workspace every crate would show what any of them needs.
    variables = {name: value for name, value in os.environ.items() if "UNIFICATION" not in name}
    tree = subprocess.run(
        ["cargo", "tree", "--locked", "--package", crate, *form],
        cwd=top, env=variables, stdout=subprocess.PIPE, text=True,
    )
    if tree.returncode:
        raise SystemExit(f"cargo tree --package {crate} failed")
    return {line.split()[0] for line in tree.stdout.splitlines() if line.strip()}
