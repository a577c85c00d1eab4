#!/usr/bin/env python3
"""A version is cut and packed from a copy of the tree; what comes out is looked at."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import tarfile
import tempfile
import unittest
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent
VERSION = "99.1.2"


def git(folder, *words):
    identity = ["-c", "user.name=test", "-c", "user.email=test@localhost"]
    done = subprocess.run(["git", *identity, *words], cwd=folder, check=True, text=True,
                          stdout=subprocess.PIPE)
    return done.stdout


class Release(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.scratch = tempfile.TemporaryDirectory()
        folder = Path(cls.scratch.name)
        cls.tree, cls.out = folder / "tree", folder / "out"
        git(folder, "clone", "--quiet", "--depth=1", f"file://{TOP}", "tree")
        # The tool as it is here, committed or not, and something to tell of.
        shutil.copy2(TOP / "tools/release", cls.tree / "tools/release")
        changelog = cls.tree / "CHANGELOG.md"
        text = changelog.read_text()
        changelog.write_text(text.replace("## [Unreleased]\n", "## [Unreleased]\n\n- A new thing.\n", 1))
        git(cls.tree, "add", "--all")
        git(cls.tree, "commit", "--quiet", "--message", "test")
        programs = folder / "programs"
        programs.mkdir()
        (programs / "kubectl-orrery").write_text("a program")
        cls.environment = os.environ | {
            "ORRERY_BINARIES": str(programs), "ORRERY_DOWNLOADS": "https://files.invalid/v/",
            "GIT_AUTHOR_NAME": "t", "GIT_AUTHOR_EMAIL": "t@localhost",
            "GIT_COMMITTER_NAME": "t", "GIT_COMMITTER_EMAIL": "t@localhost",
        }
        cls.release(VERSION, cls.out, check=True)

    @classmethod
    def tearDownClass(cls):
        cls.scratch.cleanup()

    @classmethod
    def release(cls, version, out, **options):
        command = [cls.tree / "tools/release", version, out]
        return subprocess.run(command, env=cls.environment, text=True, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, **options)

    def test_the_tag_is_a_clean_tree_of_that_version(self):
        self.assertEqual(git(self.tree, "status", "--porcelain"), "")
        self.assertEqual(git(self.tree, "describe", "--exact-match").strip(), f"v{VERSION}")
        for name in ("charts/orrery/Chart.yaml", "charts/orrery/values.yaml", "docs/quickstart.md",
                     "Cargo.toml"):
            self.assertIn(VERSION, (self.tree / name).read_text(), name)
        lock = (self.tree / "Cargo.lock").read_text()
        self.assertIn(f'name = "kubectl-orrery"\nversion = "{VERSION}"', lock)

    def test_the_changelog_gets_a_section_and_an_empty_beginning(self):
        text = (self.tree / "CHANGELOG.md").read_text()
        self.assertRegex(text, rf"## \[Unreleased\]\n\n## \[{VERSION}\] - \d{{4}}-\d\d-\d\d\n\n- A new thing\.")
        self.assertIn("- A new thing.", (self.out / "changes.md").read_text())

    def test_checksums_hold_for_every_file(self):
        lines = (self.out / "SHA256SUMS").read_text().splitlines()
        sums = dict(reversed(line.split("  ")) for line in lines)
        files = {path.name for path in self.out.iterdir()} - {"SHA256SUMS"}
        self.assertEqual(set(sums), files)
        self.assertEqual(len(files), 5)
        for name, wanted in sums.items():
            self.assertEqual(hashlib.sha256((self.out / name).read_bytes()).hexdigest(), wanted)

    def test_krew_finds_the_plugin_and_its_checksum(self):
        manifest = (self.out / "orrery.yaml").read_text()
        [name] = re.findall(r"uri: https://files\.invalid/v/(\S+)", manifest)
        with tarfile.open(self.out / name) as packed:
            self.assertEqual(packed.getnames(), ["kubectl-orrery", "LICENSE-APACHE", "LICENSE-MIT"])
        self.assertIn(hashlib.sha256((self.out / name).read_bytes()).hexdigest(), manifest)

    def test_the_bill_of_materials_names_every_crate_with_its_hash(self):
        bill = json.loads((self.out / "sbom.cdx.json").read_text())
        parts = {part["name"]: part for part in bill["components"]}
        self.assertTrue(parts["ring"]["hashes"] and parts["ring"]["licenses"])
        self.assertEqual(parts["orrery-czar"]["version"], VERSION)

    def test_a_tree_with_changes_a_wrong_version_and_nothing_to_tell_are_refused(self):
        for version, reason in ((VERSION, "says nothing"), ("1.2", "not a semantic version")):
            refused = self.release(version, self.out.with_name(f"out-{version}"))
            self.assertIn(reason, refused.stderr)
            git(self.tree, "checkout", "--quiet", ".")
        (self.tree / "README.md").write_text("changed")
        self.assertIn("has changes", self.release("99.2.0", self.out.with_name("other")).stderr)
        git(self.tree, "checkout", "--quiet", ".")


if __name__ == "__main__":
    unittest.main()
