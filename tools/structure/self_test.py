#!/usr/bin/env python3
"""Small crates in which the structure tools find what is wrong, and nothing else."""

import tempfile
import unittest
from pathlib import Path

import crates
import imports
import rust_source


def crate(files):
    """A crate of these files; the edges between them, and its circles."""
    with tempfile.TemporaryDirectory() as folder:
        for name, text in files.items():
            file = Path(folder) / "src" / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        src = Path(folder) / "src"

        def short(file):
            return str(file.relative_to(src))

        edges = imports.edges(imports.crate_roots(folder))
        named = {(short(a), short(b)): names for (a, b), names in edges.items()}
        knots = [sorted(short(f) for f in knot) for knot in imports.circles(edges)]
        return named, knots


class Circles(unittest.TestCase):
    def test_two_files_that_use_each_other_are_a_circle(self):
        _, knots = crate({
            "lib.rs": "mod a; mod b;",
            "a.rs": "use crate::b::B; pub struct A(B);",
            "b.rs": "use super::a::{self, A}; pub struct B; fn f() { a::g(A) }",
        })
        self.assertEqual(knots, [["a.rs", "b.rs"]])

    def test_a_circle_through_written_out_paths_is_found(self):
        edges, knots = crate({
            "lib.rs": "mod a; mod b;",
            "a.rs": "pub fn f() { crate::b::g() }",
            "b.rs": "use crate::a; pub fn g() { a::f() }",
        })
        self.assertEqual(knots, [["a.rs", "b.rs"]])
        self.assertEqual(edges["a.rs", "b.rs"], {"crate::b::g"})

    def test_a_circle_of_three_through_nested_braces_is_found(self):
        _, knots = crate({
            "lib.rs": "mod a; mod b; mod c;",
            "a.rs": "use crate::{b::{B, other}, x}; pub struct A;",
            "b.rs": "use crate::c::C as D; pub struct B;",
            "c.rs": "use crate::a::*; pub struct C(A);",
        })
        self.assertEqual(knots, [["a.rs", "b.rs", "c.rs"]])

    def test_modules_and_re_exports_are_no_imports(self):
        edges, knots = crate({
            "lib.rs": "pub mod m; pub struct Top;",
            "m/mod.rs": "mod inner; pub use inner::{Inner, f}; pub struct Shared;",
            "m/inner.rs": "use super::Shared; use crate::Top; pub struct Inner; pub fn f() {}",
        })
        self.assertEqual(knots, [])
        self.assertEqual(sorted(edges), [("m/inner.rs", "lib.rs"), ("m/inner.rs", "m/mod.rs")])

    def test_a_re_exported_name_is_imported_from_the_file_that_defines_it(self):
        edges, _ = crate({
            "lib.rs": "mod m; mod user;",
            "m/mod.rs": "mod inner; pub use inner::Inner;",
            "m/inner.rs": "pub struct Inner;",
            "user.rs": "use crate::m::Inner; pub struct User(Inner);",
        })
        self.assertEqual(sorted(edges), [("user.rs", "m/inner.rs")])

    def test_a_re_export_that_its_own_file_needs_is_an_import(self):
        _, knots = crate({
            "lib.rs": "mod m;",
            "m/mod.rs": "mod inner; pub use inner::Inner; pub struct Shared(Inner);",
            "m/inner.rs": "use super::Shared; pub struct Inner;",
        })
        self.assertEqual(knots, [["m/inner.rs", "m/mod.rs"]])

    def test_a_parent_that_calls_a_child_that_uses_the_parent_is_a_circle(self):
        _, knots = crate({
            "lib.rs": "mod m;",
            "m/mod.rs": "mod inner; pub struct Shared; pub fn run() { inner::f() }",
            "m/inner.rs": "use super::Shared; pub fn f() {}",
        })
        self.assertEqual(knots, [["m/inner.rs", "m/mod.rs"]])

    def test_tests_comments_and_text_are_left_out(self):
        _, knots = crate({
            "lib.rs": "mod a; mod b;",
            "a.rs": "use crate::b::B; pub struct A(B);",
            "b.rs": """
                pub struct B; // use crate::a::A;
                /* use /* nested */ crate::a::A; */
                const TEXT: (&str, &str, char) = ("use crate::a::A;", r#"" use crate::a::A; "#, '"');
                #[cfg(test)]
                mod tests { use super::*; use crate::a::A; fn f() { let _ = "}"; } }
                #[cfg(test)]
                use crate::a::A;
            """,
        })
        self.assertEqual(knots, [])

    def test_inline_modules_belong_to_their_file(self):
        edges, knots = crate({
            "lib.rs": "mod a;",
            "a.rs": "mod inline { pub struct I; use super::A; mod below; } pub struct A;",
            "a/inline/below.rs": "use super::I; use super::super::A;",
        })
        self.assertEqual(knots, [])
        self.assertEqual(edges, {("a/inline/below.rs", "a.rs"): {"I", "A"}})


class Layers(unittest.TestCase):
    def test_a_dependency_that_leads_down_is_allowed_and_any_other_is_not(self):
        layers = [["ground"], ["program", "other"]]
        self.assertEqual(list(crates.upward({"ground": [], "program": ["ground", "serde"],
                                             "other": []}, layers)), [])
        needs = {"ground": ["program"], "program": ["other"], "other": [], "new": []}
        self.assertEqual(list(crates.upward(needs, layers)), [
            "ground depends on program, which is not below it",
            "new is in no layer of tools/structure/layers.toml",
            "program depends on other, which is not below it",
        ])

    def test_dependencies_of_one_platform_count_and_those_of_tests_do_not(self):
        manifest = {
            "dependencies": {"a": "1"},
            "dev-dependencies": {"b": "1"},
            "target": {"cfg(unix)": {"dependencies": {"c": "1"}}},
        }
        self.assertEqual(crates.dependencies(manifest), ["a", "c"])


class Source(unittest.TestCase):
    def test_blanking_keeps_every_line_and_column(self):
        text = "let a = \"x\\\"\ny\"; // z\nlet b: &'static str = 'c';\n"
        blank = rust_source.blank(text)
        self.assertEqual(len(blank), len(text))
        self.assertEqual(blank.count("\n"), text.count("\n"))
        self.assertIn("&'static str", blank)
        self.assertNotIn("z", blank)


if __name__ == "__main__":
    unittest.main()
