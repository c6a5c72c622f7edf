"""Power cuts: a night's writes are recorded, the disk is rebuilt as a cut may leave it, and the box opens it."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from disk_trace import SECTOR, Disk, Event, TraceError, can_trace, events, figures
from power_cut import cut_up, recorded

from appliance.alarm_copy import AlarmCopy
from appliance.disk import WRITE_S
from appliance.disk import Disk as DiskThread
from appliance.ledger import Ledger
from appliance.records import EnvironmentRecord, EpochRecord, SessionRecord
from appliance.store import Role, Store

T0 = 1_795_644_600
HOURS = 1.1  # of which 40 min are an empty bed, and so the end of the stay
CUTS = 20
traced = pytest.mark.skipif(not can_trace(), reason="strace is not there or may not watch processes here")


def left(disk: Disk, times: int = 200) -> list[dict[str, bytes]]:
    """Disks after a cut, as many dice."""
    return [disk.after_cut(random.Random(seed)) for seed in range(times)]


def test_what_was_synced_stays_and_of_the_rest_any_part() -> None:
    disk = Disk()
    for event in (Event("create", "a"), Event("write", "a", 0, b"x" * 2 * SECTOR), Event("sync", "a")):
        disk.do(event)
    assert {frozenset(found) for found in left(disk)} == {frozenset(), frozenset({"a"})}  # the folder is not synced
    disk.do(Event("sync_folder"))
    assert {found["a"] for found in left(disk)} == {b"x" * 2 * SECTOR}
    disk.do(Event("write", "a", SECTOR - 1, b"yyy"))
    seen = {found["a"] for found in left(disk)}
    assert all(one[: SECTOR - 1] + one[SECTOR + 2 :] == b"x" * (2 * SECTOR - 3) for one in seen)
    # sector by sector, in any order, and torn within one: all but what would need two tears
    assert {one[SECTOR - 1 : SECTOR + 2] for one in seen} == {b"xxx", b"yxx", b"xyy", b"yyy", b"xyx", b"yyx"}


def test_a_torn_sector_may_take_its_neighbours_with_it() -> None:
    disk = Disk()
    for event in (Event("create", "a"), Event("write", "a", 0, b"x" * SECTOR), Event("sync", "a")):
        disk.do(event)
    disk.do(Event("sync_folder"))
    disk.do(Event("write", "a", SECTOR - 1, b"y"))
    found = [disk.after_cut(random.Random(seed), whole_sectors=True)["a"] for seed in range(50)]
    assert any(one[: SECTOR - 1] != b"x" * (SECTOR - 1) for one in found)
    assert {len(one) for one in found} == {SECTOR}


def test_names_change_in_order_and_for_certain_once_the_folder_is_synced() -> None:
    disk = Disk()
    for event in (
        *(Event("create", "a"), Event("write", "a", 0, b"old"), Event("sync", "a"), Event("sync_folder")),
        *(Event("create", "a.new"), Event("write", "a.new", 0, b"new"), Event("sync", "a.new")),
        Event("rename", "a.new", to="a"),
    ):
        disk.do(event)
    assert {tuple(sorted(found.items())) for found in left(disk)} == {
        (("a", b"old"),),
        (("a", b"old"), ("a.new", b"new")),
        (("a", b"new"),),
    }
    disk.do(Event("sync_folder"))
    assert left(disk, 5) == [{"a": b"new"}] * 5


def test_calls_are_read_as_strace_tells_them(tmp_path: Path) -> None:
    def hexed(text: str) -> str:
        return "".join(f"\\x{ord(letter):02x}" for letter in text)

    a, b, folder = (hexed(f"{tmp_path}{name}") for name in ("/a", "/b", ""))
    lines = [
        f'7 openat(AT_FDCWD<{folder}>, "{a}", O_RDWR|O_CREAT|O_CLOEXEC, 0660) = 3<{a}>',
        f'7 pwrite64(3<{a}>, "{hexed("hay")}", 3, 4096) = 3',
        f'7 write(3<{a}>, "{hexed("ab")}", 2) = 2',
        f'7 write(3<{a}>, "{hexed("cd")}", 2) = 1',
        f'7 write(9<{hexed("/notes")}>, "{hexed("{}")}", 2) = 2',
        f'7 write(1<{hexed("/dev/null")}>, "{hexed("no")}", 2) = 2',
        f"7 fdatasync(3<{a}>) = 0",
        f'7 openat(AT_FDCWD<{folder}>, "{b}", O_RDWR|O_CLOEXEC) = -1 ENOENT (No such file or directory)',
        f'7 rename("{a}", "{b}") = 0',
        f"7 ftruncate(3<{b}>, 2) = 0",
        f"7 fsync(4<{folder}>) = 0",
        f'7 unlink("{b}") = 0',
        "7 +++ exited with 0 +++",
    ]
    done = list(events(lines, tmp_path, Path("/notes")))
    assert done == [
        Event("create", "a"),
        Event("write", "a", 4096, b"hay"),
        Event("write", "a", 0, b"ab"),
        Event("write", "a", 2, b"c"),
        Event("note", data=b"{}"),
        Event("sync", "a"),
        Event("rename", "a", to="b"),
        Event("size", "b", 2),
        Event("sync_folder"),
        Event("unlink", "b"),
    ]
    cost = figures(done)
    assert (cost.written["a"], cost.blocks["a"], cost.syncs) == (6, 2 * 4096, {"a": 1, ".": 1})
    with pytest.raises(TraceError, match="not understood"):
        list(events([f"7 fallocate(3<{a}>, 0, 0, 4096) = 0"], tmp_path, Path("/notes")))


def test_a_call_that_another_thread_comes_between_counts_from_its_end(tmp_path: Path) -> None:
    name = "".join(f"\\x{byte:02x}" for byte in f"{tmp_path}/a".encode())
    lines = [
        f'7 openat(AT_FDCWD, "{name}", O_RDWR|O_CREAT, 0600 <unfinished ...>\n',
        '8 write(3<\\x2f>, "\\x78", 1) = 1\n',
        f"7 <... openat resumed>) = 5<{name}>\n",
        f'7 write(5<{name}>, "\\x61\\x62", 2) = 2\n',
        f"7 fsync(5<{name}> <unfinished ...>\n",
        f'8 pwrite64(6<{name}>, "\\x63", 1, 9) = 1\n',
        "7 <... fsync resumed>) = 0\n",
    ]
    seen = [(event.what, event.at, event.data) for event in events(lines, tmp_path, tmp_path / "notes")]
    assert seen == [("create", 0, b""), ("write", 0, b"ab"), ("write", 9, b"c"), ("sync", 0, b"")]


@traced
def test_a_finished_epoch_is_written_in_the_round_that_takes_it_and_the_room_with_the_next_one(tmp_path: Path) -> None:
    path = tmp_path / "nights.db"
    disk = DiskThread(Ledger(path), AlarmCopy(tmp_path))
    disk.begin()
    disk.serve(0.0)
    with Store(path, Role.GUEST) as store:
        disk.put([EnvironmentRecord(T0, 19.0, 45.0, 0.1, None, None)])
        disk.serve(WRITE_S - 1.0)
        assert store.environment(0, T0 + 60) == []
        disk.put([EpochRecord(T0, T0, "light", 0.1, 0.7, 0.1, 0.1, 1.0, 14.0, 0.0, True)])
        disk.serve(WRITE_S - 0.9)
        assert [epoch.start_utc for epoch in store.epochs(SessionRecord(T0, T0))] == [T0]
        assert len(store.environment(0, T0 + 60)) == 1
    disk.end()


@traced
def test_a_power_cut_loses_no_finished_epoch_and_no_alarm(tmp_path: Path) -> None:
    done = recorded(tmp_path, HOURS, seed=3)
    assert sum(event.what == "note" and b'"told": [1' in event.data for event in done) > 30  # epochs were told
    lost, _ = cut_up(done, CUTS, seed=3, whole_sectors=False)
    assert lost == {}


@traced
def test_a_night_that_is_not_synced_is_found_out(tmp_path: Path) -> None:
    lost, most = cut_up(recorded(tmp_path, HOURS, seed=3, careless=True), CUTS, seed=3, whole_sectors=False)
    assert lost["a finished epoch is lost"] > CUTS // 2
    assert most > 5
