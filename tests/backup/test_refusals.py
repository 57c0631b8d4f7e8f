"""What a restore does not take, and what a backup that cannot be made leaves behind: nothing."""

import gzip
import hashlib
import io
import json
import os
import shutil
import subprocess
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from ctm import files, presence
from ctm.backup import making, placing, restoring
from ctm.backup.manifest import SQLITE
from ctm.errors import Conflict, InvalidInput, Unavailable
from ctm.extensions import db
from ctm.models import Client
from tests import factories

REPLACE = restoring.Wanted(replace=True)


@pytest.fixture
def good(app: Flask, tmp_path: Path) -> Path:
    """A good backup of an office with one client; since then there are two."""
    files.store(b"one", "one.txt")
    files.store(b"two" * 5000, "two.txt")
    factories.customer()
    path = making.make(tmp_path).path
    factories.customer()
    db.session.remove()
    return path


def members(path: Path) -> list[tuple[tarfile.TarInfo, bytes]]:
    with tarfile.open(path) as tar:
        return [(info, tar.extractfile(info).read()) for info in tar]  # type: ignore[union-attr]


def rebuild(path: Path, parts: list[tuple[tarfile.TarInfo, bytes]], after: bytes = b"") -> None:
    out = io.BytesIO()
    for info, data in parts:
        out.write(info.tobuf(tarfile.GNU_FORMAT) + data + bytes(-len(data) % 512))
    path.write_bytes(gzip.compress(out.getvalue() + bytes(1024) + after))


def entry(name: str, data: bytes = b"", **values: Any) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.size = len(data)
    for key, value in values.items():
        setattr(info, key, value)
    return info, data


def with_manifest(path: Path, change: Callable[[dict[str, Any]], None]) -> None:
    parts = members(path)
    described = json.loads(parts[0][1])
    change(described)
    rebuild(path, [entry("manifest.json", json.dumps(described).encode()), *parts[1:]])


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    path.write_bytes(bytes(data))


def swap(path: Path, position: int, *new: tuple[tarfile.TarInfo, bytes]) -> None:
    parts = members(path)
    rebuild(path, [*parts[:position], *new, *parts[position + 1 :]])


def lie(name: str, value: Any) -> Callable[[Path], None]:
    return lambda path: with_manifest(path, lambda told: told.__setitem__(name, value))


def a_member(**values: Any) -> Callable[[Path], None]:
    def change(told: dict[str, Any]) -> None:
        told["members"][1] |= values

    return lambda path: with_manifest(path, change)


def cut_a_row(told: dict[str, Any]) -> None:
    told["tables"]["clients"] += 1


def lose_a_file(path: Path) -> None:
    parts = members(path)
    described = json.loads(parts[0][1])
    described["members"].pop()
    rebuild(path, [entry("manifest.json", json.dumps(described).encode()), *parts[1:-1]])


def spoil_database(path: Path) -> None:
    """A database that is not what its name says, with a manifest that fits."""
    parts = members(path)
    described = json.loads(parts[0][1])
    data = b"no database" * 100
    described["members"][0] |= {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    manifest = entry("manifest.json", json.dumps(described).encode())
    rebuild(path, [manifest, entry(SQLITE, data), *parts[2:]])


BAD: dict[str, Callable[[Path], None]] = {
    "empty": lambda path: path.write_bytes(b""),
    "text": lambda path: path.write_bytes(b"dear office"),
    "gzipped text": lambda path: path.write_bytes(gzip.compress(b"dear office" * 100)),
    "cut short": lambda path: path.write_bytes(path.read_bytes()[:-2000]),
    "a byte changed": flip,
    "something follows": lambda path: rebuild(path, members(path), b"more"),
    "a bomb": lambda path: path.write_bytes(gzip.compress(bytes(50_000_000))),
    "a bomb at the end": lambda path: rebuild(path, members(path), bytes(50_000_000)),
    "manifest without end": lambda path: swap(path, 0, entry("manifest.json", b"{" * 1_000_000)),
    "manifest of lists": lambda path: swap(path, 0, entry("manifest.json", b"[" * 100_000)),
    "no manifest": lambda path: rebuild(path, members(path)[1:]),
    "a link": lambda path: swap(path, 1, entry(SQLITE, type=b"2", linkname="/etc/passwd")),
    "a hard link": lambda path: swap(path, 1, entry(SQLITE, type=b"1", linkname="../x")),
    "a device": lambda path: swap(path, 1, entry(SQLITE, type=b"3", devmajor=1, devminor=3)),
    "a pax header": lambda path: swap(path, 1, entry("x", b"9" * 600, type=b"x")),
    "a path out": lambda path: swap(path, 1, entry("../../ctm.sqlite3", b"x")),
    "a promised path out": a_member(name="../../../etc/cron.d/x"),
    "an absolute promise": a_member(name="/etc/passwd"),
    "another's name": a_member(name=f"files/ab/{'ab' * 32}"),
    "a size below nothing": a_member(size=-1),
    "another size": a_member(size=7),
    "more than any disk": a_member(size=2**59),
    "a name twice": lambda path: with_manifest(
        path, lambda told: told["members"].append(told["members"][1])
    ),
    "an extra member": lambda path: rebuild(path, [*members(path), entry("files/x", b"x")]),
    "other rows": lambda path: with_manifest(path, cut_a_row),
    "a file less": lose_a_file,
    "no database inside": spoil_database,
    "another program": lie("program", "listmonk"),
    "another format": lie("format", 2),
    "a newer version": lie("revision", "20301231_add_wings"),
    "no version": lie("revision", ""),
    "another database": lie("database", "postgresql"),
    "a date of nowhere": lie("made_at", "yesterday"),
}


@pytest.mark.parametrize("bad", BAD)
def test_a_bad_archive_changes_nothing(app: Flask, good: Path, bad: str) -> None:
    BAD[bad](good)
    instance = Path(app.instance_path)
    before = sorted(path for path in instance.rglob("*") if "ctm.sqlite3" not in path.name)
    with pytest.raises((InvalidInput, Unavailable)) as caught:
        restoring.restore(good, REPLACE)
    assert str(caught.value).endswith(".")
    assert db.session.scalar(select(func.count()).select_from(Client)) == 2
    after = sorted(path for path in instance.rglob("*") if "ctm.sqlite3" not in path.name)
    assert [path for path in after if path.name != presence.NAME] == before
    assert not list(instance.glob(".ctm.sqlite3*"))


def test_the_words_name_what_is_wrong(app: Flask, good: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="No such file"):
        restoring.restore(tmp_path / "nowhere.tar.gz", REPLACE)
    lie("revision", "20301231_add_wings")(good)
    with pytest.raises(InvalidInput, match=r"newer version .*20301231_add_wings"):
        restoring.restore(good, REPLACE)


def test_an_office_in_use_is_replaced_only_on_demand(app: Flask, good: Path) -> None:
    with pytest.raises(Conflict, match="--replace"):
        restoring.restore(good, restoring.Wanted())
    assert db.session.scalar(select(func.count()).select_from(Client)) == 2


def test_a_running_program_is_not_pulled_away(app: Flask, good: Path) -> None:
    with presence.at_work(Path(app.instance_path)):
        with pytest.raises(Conflict, match="CTM is running"):
            restoring.restore(good, REPLACE)
        restoring.restore(good, restoring.Wanted(replace=True, running_anyway=True))
    assert db.session.scalar(select(func.count()).select_from(Client)) == 1


def test_other_keys_are_asked_for_and_can_be_given_up(app: Flask, good: Path) -> None:
    secrets = Path(app.instance_path) / "secrets"
    shutil.copytree(secrets, secrets.parent / "copy")
    (secrets / "tracking").write_bytes(b"another key")
    with pytest.raises(Conflict, match="keys of this backup are not here"):
        restoring.restore(good, REPLACE)
    wrong = restoring.Wanted(replace=True, keys=good.parent)
    with pytest.raises(Conflict, match="keys of this backup are not here"):
        restoring.restore(good, wrong)
    restoring.restore(good, restoring.Wanted(replace=True, without_keys=True))
    assert (secrets / "tracking").read_bytes() == b"another key"
    done = restoring.restore(good, restoring.Wanted(replace=True, keys=secrets.parent / "copy"))
    assert (secrets / "tracking").read_bytes() != b"another key"
    kept = Path(app.instance_path) / done.aside / "secrets" / "tracking"
    assert kept.read_bytes() == b"another key"


def test_another_passphrase_opens_no_keys(app: Flask, tmp_path: Path) -> None:
    app.config["CTM_BACKUP_PASSPHRASE"] = "short"
    with pytest.raises(InvalidInput, match="at least 12 characters"):
        making.make(tmp_path)
    app.config["CTM_BACKUP_PASSPHRASE"] = "the right passphrase"
    made = making.make(tmp_path)
    assert b"tracking" not in made.path.read_bytes()
    (Path(app.instance_path) / "secrets" / "tracking").write_bytes(b"another key")
    app.config["CTM_BACKUP_PASSPHRASE"] = "the wrong passphrase"
    with pytest.raises(InvalidInput, match="another passphrase"):
        restoring.restore(made.path, REPLACE)


class Killed(BaseException):
    """Stands for SIGKILL: nobody handles it."""


STEPS = ("replace", "rename", "link")


@pytest.mark.parametrize("step", range(1, 9))
def test_a_restore_cut_off_anywhere_leaves_the_old_or_the_new(
    app: Flask, good: Path, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    secrets = Path(app.instance_path) / "secrets"
    shutil.copytree(secrets, secrets.parent / "copy")
    (secrets / "tracking").write_bytes(b"of the new office")
    wanted = restoring.Wanted(replace=True, keys=secrets.parent / "copy")
    instance, url = Path(app.instance_path), str(db.engine.url)
    taken = 0

    def count(name: str) -> Callable[..., None]:
        real = getattr(os, name)

        def act(*args: Any, **kwargs: Any) -> None:
            nonlocal taken
            taken += 1
            if taken == step:
                raise Killed
            real(*args, **kwargs)

        return act

    with monkeypatch.context() as patch:
        for name in STEPS:
            patch.setattr(os, name, count(name))
        try:
            restoring.restore(good, wanted)
        except Killed:
            pass
        else:
            pytest.skip("there are fewer steps")
    counted = (instance / placing.READY).is_dir()
    assert restoring.finish_pending(instance, url) == counted
    db.session.remove()
    db.engine.dispose()
    clients = db.session.scalar(select(func.count()).select_from(Client))
    new_key = (secrets / "tracking").read_bytes() == b"of the new office"
    new = counted or (clients == 1 and not new_key)
    assert (clients, new_key) == ((1, False) if new else (2, True))
    db.session.remove()
    restoring.restore(good, wanted)
    assert db.session.scalar(select(func.count()).select_from(Client)) == 1


# -- making --------------------------------------------------------------------------------------


def test_a_file_that_is_deleted_meanwhile_is_inside(app: Flask, tmp_path: Path) -> None:
    file = files.store(b"here now" * 1000, "now.txt")
    db.session.commit()
    number, digest = file.id, file.sha256
    said: list[int] = []

    def discard(percent: int) -> None:
        said.append(percent)
        if len(said) == 1:
            files.discard([number])

    made = making.make(tmp_path, report=discard)
    assert made.complete
    assert made.manifest.files == {digest}
    assert not (files.folder() / digest[:2] / digest).exists()
    assert said == sorted(set(said))
    assert said[-1] == 100
    assert not list(files.folder().glob(".pinned*"))


def test_a_file_that_is_gone_or_damaged_is_named_and_takes_no_old_backups_place(
    app: Flask, tmp_path: Path
) -> None:
    lost, spoilt = files.store(b"lost", "a.txt"), files.store(b"spoilt", "b.txt")
    db.session.commit()
    first = making.make(tmp_path, keep=1)
    files.path_of(lost).unlink()
    files.path_of(spoilt).write_bytes(b"other")
    second = making.make(tmp_path, keep=1)
    assert set(second.manifest.missing) == {lost.sha256, spoilt.sha256}
    assert not second.complete
    assert first.path.exists()
    db.session.remove()
    restoring.restore(second.path, restoring.Wanted(replace=True))


def test_only_its_own_old_backups_make_room(app: Flask, tmp_path: Path) -> None:
    foreign = [tmp_path / name for name in ("ctm-notes.tar.gz", "ctm-2026-01-01-000000.zip", "x")]
    for path in foreign:
        path.write_bytes(b"mine")
    left = tmp_path / ".ctm-backup-dead"
    left.mkdir()
    made = [making.make(tmp_path, keep=2) for _ in range(3)]
    assert made[2].removed == (made[0].path.name,)
    assert making.existing(tmp_path) == [made[2].path, made[1].path]
    assert all(path.exists() for path in foreign)
    assert not left.exists()
    assert oct(made[2].path.stat().st_mode & 0o777) == "0o600"


@pytest.mark.parametrize(
    ("name", "words"), [("taken.tar.gz", "exists already"), ("no/folder.tar.gz", "no folder")]
)
def test_a_place_that_cannot_be_used_is_named(
    app: Flask, tmp_path: Path, name: str, words: str
) -> None:
    (tmp_path / "taken.tar.gz").write_bytes(b"precious")
    with pytest.raises(InvalidInput, match=words):
        making.make(tmp_path / name)
    assert (tmp_path / "taken.tar.gz").read_bytes() == b"precious"


def test_one_backup_at_a_time(app: Flask, tmp_path: Path) -> None:
    def again(_percent: int) -> None:
        with pytest.raises(Conflict, match="being made already"):
            making.make(tmp_path)

    making.make(tmp_path, report=again)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 400 KB."""
    place = tmp_path / "disk"
    place.mkdir()
    options = ["-o", "size=400k"]
    done = subprocess.run(["mount", "-t", "tmpfs", *options, "tmpfs", str(place)], check=False)
    if done.returncode:
        pytest.skip("this user may not mount a disk")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def test_a_full_disk_leaves_the_old_backups_and_no_half_one(
    app: Flask, small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = small_disk / "ctm-2026-01-01-000000.tar.gz"
    old.write_bytes(b"old")
    with pytest.raises(Unavailable, match="No backup was made: it may need"):
        making.make(small_disk)
    monkeypatch.setattr(making, "SPARE", -(10**12))
    with pytest.raises(Unavailable, match="The disk is full"):
        making.make(small_disk)
    assert os.listdir(small_disk) == [old.name]
    assert old.read_bytes() == b"old"


def test_a_folder_that_refuses_is_named(app: Flask, tmp_path: Path) -> None:
    app.config["CTM_BACKUP_FOLDER"] = "/proc/nowhere"
    with pytest.raises(Unavailable, match="/proc/nowhere"):
        making.make()
