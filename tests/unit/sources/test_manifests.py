"""A real folder: what is in force as files come, change, break and go."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

from lockgate.model.meta import ObjectRef
from lockgate.model.workload import Namespace
from lockgate.sources.manifests import Delta, ManifestSource, validate_files


def namespace(name: str, **labels: str) -> str:
    pairs = ", ".join(f"{key}: '{value}'" for key, value in labels.items())
    return f"apiVersion: v1\nkind: Namespace\nmetadata:\n  name: {name}\n  labels: {{{pairs}}}\n"


def row(name: str, **labels: str) -> Namespace:
    return Namespace(name, tuple(sorted(labels.items())))


def test_documents_lists_and_empty_documents(tmp_path: Path) -> None:
    items = [namespace("b"), namespace("c")]
    listed = "".join("- " + item.replace("\n", "\n  ").rstrip() + "\n" for item in items)
    text = f"# first\n---\n---\n{namespace('a')}---\napiVersion: v1\nkind: List\nitems:\n{listed}"
    (tmp_path / "x.yaml").write_text(text)
    delta = ManifestSource(tmp_path).read()
    assert delta == Delta((row("a"), row("b"), row("c")))


def test_a_problem_names_file_document_and_line(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_text(f"{namespace('a')}---\n{namespace('b')}  lables: {{}}\n")
    delta = ManifestSource(tmp_path).read()
    assert delta.put == (row("a"),)
    (problem,) = delta.problems["x.yaml"]
    assert problem.origin == "x.yaml document 2 line 12"
    assert validate_files([tmp_path])[0].field == "metadata.lables"


def take(source: ManifestSource, *paths: Path) -> Delta:
    return source._take(paths)


def test_what_is_broken_keeps_its_last_good_version(tmp_path: Path) -> None:
    file = tmp_path / "x.yaml"
    file.write_text(namespace("a") + "---\n" + namespace("b"))
    source = ManifestSource(tmp_path)
    source.read()

    file.write_text(namespace("a", v="2") + "---\n" + namespace("b") + "  lables: {}\n")
    delta = take(source, file)
    assert (delta.put, delta.delete) == ((row("a", v="2"),), ())
    assert len(delta.problems["x.yaml"]) == 1

    file.write_text("a: [")
    delta = take(source, file)
    assert (delta.put, delta.delete) == ((), ())
    assert [problem.reason for problem in delta.problems["x.yaml"]] == ["Unreadable"]

    file.write_text(namespace("b", v="3"))
    assert take(source, file) == Delta(
        (row("b", v="3"),), (ObjectRef("Namespace", "", "a"),), {"x.yaml": ()}
    )


def test_of_two_declarations_the_first_file_holds_and_the_other_takes_over(tmp_path: Path) -> None:
    first, second = tmp_path / "a.yaml", tmp_path / "b.yaml"
    first.write_text(namespace("n", v="1"))
    second.write_text(namespace("n", v="2"))
    source = ManifestSource(tmp_path)
    delta = source.read()
    assert delta.put == (row("n", v="1"),)
    assert [problem.reason for problem in delta.problems["b.yaml"]] == ["Duplicate"]

    first.unlink()
    assert take(source, first) == Delta((row("n", v="2"),), (), {"b.yaml": ()})


def test_renaming_a_file_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "b.yaml").write_text(namespace("n"))
    source = ManifestSource(tmp_path)
    source.read()
    (tmp_path / "b.yaml").rename(tmp_path / "a.yaml")
    assert take(source, tmp_path / "a.yaml", tmp_path / "b.yaml") == Delta()


async def following(deltas: AsyncIterator[Delta]) -> Delta:
    return await asyncio.wait_for(anext(deltas), 30)


def test_watching_follows_files_and_misses_nothing_before_it_starts(tmp_path: Path) -> None:
    async def run() -> None:
        file = tmp_path / "x.yaml"
        file.write_text(namespace("a"))
        source = ManifestSource(tmp_path)
        assert source.read() == Delta((row("a"),))
        file.write_text(namespace("a", v="2"))
        deltas = source.watch()
        assert await following(deltas) == Delta((row("a", v="2"),))

        folder = tmp_path / "more"
        folder.mkdir()
        (tmp_path / "y.yaml").write_text(namespace("b"))
        assert await following(deltas) == Delta((row("b"),))
        (tmp_path / "y.yaml").write_text("a: [")
        assert list((await following(deltas)).problems) == ["y.yaml"]
        (tmp_path / "y.yaml").write_text(namespace("b", v="2"))
        assert await following(deltas) == Delta((row("b", v="2"),), (), {"y.yaml": ()})
        file.unlink()
        assert await following(deltas) == Delta((), (ObjectRef("Namespace", "", "a"),))

    asyncio.run(run())


def test_a_relative_folder_can_be_watched(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)

    async def run() -> None:
        source = ManifestSource(Path())
        source.read()
        deltas = source.watch()
        (tmp_path / "x.yaml").write_text(namespace("a"))
        assert await following(deltas) == Delta((row("a"),))

    asyncio.run(run())


def test_a_key_that_stands_twice_is_refused_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(
        "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: a\n  labels: {x: y}\n  labels: {}\n"
    )
    (problem,) = validate_files([tmp_path])
    assert (problem.reason, problem.origin[-6:]) == ("DuplicateKey", "line 6")
