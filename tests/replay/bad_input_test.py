#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Bad input of every kind: a message that names the culprit, the right exit status, no crash, no hang.

The program is WEIR (default build/app/weir). Exit status 1 on failure.
"""

import json
import os
import shutil
import struct
import sys
import tempfile

import capture_file
import weir_run

HERE = os.path.dirname(os.path.abspath(__file__))
CAPTURE = os.path.join(os.path.dirname(HERE), "captures", "close.pcap")
DONE, FAILED, USAGE = 0, 1, 2

CASES = []


class Failure(Exception):
    """What was wrong with the answer."""


def case(function):
    CASES.append(function)
    return function


def expect(status, words, *arguments, **options):
    """Runs weir; the message has to hold all of `words`. Returns what the program wrote."""
    done = weir_run.run(*arguments, **options)
    said = done.stderr.decode(errors="replace")
    command = " ".join(arguments)
    if done.returncode != status:
        raise Failure(f"{command}: exit status {done.returncode}, expected {status}: {said.strip()[-300:]}")
    missing = [word for word in words if word not in said]
    if missing:
        raise Failure(f"{command}: the message does not say {missing}: {said.strip()[-300:]}")
    if status != DONE and len(said.splitlines()) > 12:
        raise Failure(f"{command}: {len(said.splitlines())} lines of message")
    return done


def write(directory, name, data):
    path = os.path.join(directory, name)
    with open(path, "wb") as out:
        out.write(data)
    return path


def classic_header(link_type=1, magic=0xA1B2C3D4, order="<"):
    return struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, 65535, link_type)


def own_capture():
    with open(CAPTURE, "rb") as source:
        return source.read()


# Captures.

@case
def a_missing_capture(directory):
    expect(FAILED, ["nowhere.pcap", "No such file"], "replay", os.path.join(directory, "nowhere.pcap"))


@case
def a_directory_as_capture(directory):
    expect(FAILED, [directory], "replay", directory)


@case
def an_empty_file(directory):
    expect(FAILED, ["empty.pcap"], "replay", write(directory, "empty.pcap", b""))


@case
def a_text_file(directory):
    expect(FAILED, ["text.pcap"], "replay", write(directory, "text.pcap", b"this is no capture\n" * 20))


@case
def half_a_file_header(directory):
    expect(FAILED, ["half.pcap"], "replay", write(directory, "half.pcap", classic_header()[:13]))


@case
def a_capture_without_packets(directory):
    path = write(directory, "none.pcap", classic_header())
    flows = os.path.join(directory, "flows")
    expect(DONE, ["none.pcap"], "replay", path, "--flows", flows)
    if os.path.getsize(flows):
        raise Failure("flow records of no packets")


@case
def other_link_types(directory):
    for link_type in (0, 9, 101, 113, 229):
        expect(FAILED, ["link.pcap", "Ethernet"], "replay", write(directory, "link.pcap", classic_header(link_type)))


@case
def a_capture_cut_anywhere(directory):
    """What is there is replayed, and the exit status says that something is missing."""
    whole = own_capture()
    for keep in (24 + 7, 24 + 16 + 5, len(whole) // 2 + 3, len(whole) - 1):
        path = write(directory, "cut.pcap", whole[:keep])
        flows = os.path.join(directory, "flows")
        expect(FAILED, ["cut.pcap"], "replay", path, "--flows", flows)
        check_whole_lines(flows)


@case
def a_packet_longer_than_the_file(directory):
    header = struct.pack("<IIII", 1, 0, 0x7FFFFFFF, 0x7FFFFFFF)
    expect(FAILED, ["huge.pcap"], "replay", write(directory, "huge.pcap", classic_header() + header + b"x" * 60))


@case
def a_cut_pcapng(directory):
    with open(os.path.join(os.path.dirname(CAPTURE), "next-generation.pcapng"), "rb") as source:
        whole = source.read()
    for keep in (20, len(whole) // 2 + 1, len(whole) - 2):
        expect(FAILED, ["cut.pcapng"], "replay", write(directory, "cut.pcapng", whole[:keep]))


@case
def frames_cut_at_every_length(directory):
    """Malformed at every layer: each frame of a capture, cut everywhere in its headers. None may be misread."""
    _, frames = capture_file.read(CAPTURE)
    out = [classic_header()]
    count = 0
    for frame in (frames[3], frames[-1]):
        for keep in range(0, min(len(frame), 100)):
            out.append(struct.pack("<IIII", 1, count, keep, keep) + frame[:keep])
            count += 1
    trace = os.path.join(directory, "trace")
    expect(DONE, [], "replay", write(directory, "cut-frames.pcap", b"".join(out)), "--trace", trace)
    check_lines(trace, count)


@case
def frames_with_every_byte_changed(directory):
    """One byte of the headers at a time, checksums not verified: no crash, one trace line each."""
    _, frames = capture_file.read(CAPTURE)
    out, count = [classic_header()], 0
    for frame in (frames[2], frames[-1]):
        for at in range(12, min(len(frame), 80)):
            for value in (0x00, 0xFF, frame[at] ^ 0x80, (frame[at] + 1) & 0xFF):
                changed = frame[:at] + bytes([value]) + frame[at + 1:]
                out.append(struct.pack("<IIII", 1, count, len(changed), len(changed)) + changed)
                count += 1
    trace = os.path.join(directory, "trace")
    path = write(directory, "changed.pcap", b"".join(out))
    expect(DONE, [], "replay", path, "--trace", trace, "--checksum", "ignore")
    check_lines(trace, count)


def check_whole_lines(path):
    with open(path, "rb") as source:
        for line in source.read().decode().splitlines(keepends=True):
            if not line.endswith("\n"):
                raise Failure("half a record")
            json.loads(line)


def check_lines(path, count):
    check_whole_lines(path)
    with open(path, "rb") as source:
        found = source.read().count(b"\n")
    if found != count:
        raise Failure(f"{found} lines in the trace for {count} packets")


# Outputs.

@case
def an_output_that_cannot_be_made(directory):
    nowhere = os.path.join(directory, "no", "such", "place")
    for option in ("--flows", "--trace", "--out"):
        expect(FAILED, [nowhere], "replay", CAPTURE, option, nowhere)


@case
def an_output_that_is_a_directory(directory):
    for option in ("--flows", "--trace", "--out"):
        expect(FAILED, [directory], "replay", CAPTURE, option, directory)


@case
def a_full_disk(_):
    for option in ("--flows", "--trace"):
        expect(FAILED, ["/dev/full", "No space left"], "replay", CAPTURE, option, "/dev/full")
    with open("/dev/full", "wb") as full:
        done = weir_run.subprocess.run([weir_run.program(), "replay", CAPTURE, "--flows", "-"], stdout=full,
                                       stderr=weir_run.subprocess.PIPE, timeout=60, check=False)
    if done.returncode != FAILED or b"No space left" not in done.stderr:
        raise Failure(f"records to a full standard output: {done.returncode}, {done.stderr!r}")


@case
def a_disk_that_fills_up(directory):
    """A file size limit stands for it: whole lines only, or the file is reported as cut."""
    def limit():
        import resource
        import signal
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (6000, 6000))

    for option in ("--flows", "--trace", "--out"):
        path = os.path.join(directory, "limited")
        big = os.path.join(os.path.dirname(CAPTURE), "http-many.pcap")
        expect(FAILED, [path], "replay", big, option, path, preexec_fn=limit)


# Runs what follows the directory, in which a file system of 64 KiB of its own is mounted meanwhile.
SMALL_DISK = ["unshare", "-m", "sh", "-c", """
    mount -t tmpfs -o size=64k none "$0" || exit 77
    "$@"
    status=$?
    [ ! -e "$0/full" ] || tail -c 1 "$0/full" | od -An -c
    exit $status"""]


@case
def a_disk_that_is_full_at_last(directory):
    """Real ENOSPC in the middle of the output: the path, the reason, how much is missing, and nothing cut in two."""
    run = weir_run.subprocess.run
    if run([*SMALL_DISK, directory, "true"], capture_output=True, check=False).returncode != 0:
        print("skip  a small disk needs the privilege to mount one")
        return
    capture = os.path.join(os.path.dirname(CAPTURE), "lossy.pcap")
    for option, words in (("--trace", ("No space left", "records not written")), ("--out", ("is the disk full?",))):
        path = os.path.join(directory, "full")
        done = run([*SMALL_DISK, directory, weir_run.program(), "replay", capture, "--quiet", option, path],
                   capture_output=True, check=False, timeout=60, stdin=weir_run.subprocess.DEVNULL)
        said = done.stderr.decode(errors="replace")
        if done.returncode != FAILED or not all(word in said for word in (path, *words)):
            raise Failure(f"{option} on a full disk: {done.returncode}, {said.strip()[-300:]}")
        if option == "--trace" and done.stdout.split() != [b"\\n"]:
            raise Failure(f"{option} on a full disk: the last record is not whole: {done.stdout!r}")


@case
def a_reader_that_goes_away(_):
    """`weir replay --trace - | head -1` must end, and not by a signal that looks like a crash in a log."""
    big = os.path.join(os.path.dirname(CAPTURE), "lossy.pcap")
    read_end, write_end = os.pipe()
    child = weir_run.subprocess.Popen([weir_run.program(), "replay", big, "--trace", "-"], stdout=write_end,
                                      stderr=weir_run.subprocess.PIPE)
    os.close(write_end)
    os.read(read_end, 10)
    os.close(read_end)
    child.communicate(timeout=60)
    if child.returncode not in (FAILED, -13):
        raise Failure(f"exit status {child.returncode}")


@case
def output_over_input(directory):
    path = os.path.join(directory, "both.pcap")
    shutil.copy(CAPTURE, path)
    before = os.path.getsize(path)
    for option in ("--out", "--flows", "--trace"):
        expect(USAGE, [path], "replay", path, option, path)
        if os.path.getsize(path) != before:
            raise Failure(f"{option} destroyed the input")


@case
def two_outputs_in_one_file(directory):
    path = os.path.join(directory, "one")
    expect(USAGE, [path], "replay", CAPTURE, "--flows", path, "--trace", path)


@case
def file_names_that_look_like_arguments(directory):
    for name in ("a,b=c.pcap", "with space.pcap", "[1].pcap", "-dash.pcap", "per%cent.pcap", "ü.pcap"):
        path = os.path.join(directory, name)
        shutil.copy(CAPTURE, path)
        expect(DONE, [], "replay", path, "--out", path + ".out", "--quiet")


# Options.

@case
def options_without_their_value(_):
    for option in ("--config", "--flows", "--trace", "--out", "--checksum", "--workers"):
        expect(USAGE, [option], "replay", CAPTURE, option)


@case
def options_that_do_not_exist(_):
    expect(USAGE, ["--frobnicate"], "replay", CAPTURE, "--frobnicate")
    expect(USAGE, ["-Z"], "replay", CAPTURE, "-Z")
    expect(USAGE, ["--quiet=yes"], "replay", CAPTURE, "--quiet=yes")


@case
def values_that_are_none(_):
    expect(USAGE, ["--checksum", "maybe"], "replay", CAPTURE, "--checksum", "maybe")
    for value in ("0", "-1", "65", "1000000000000", "two", "1.5", "1x", ""):
        expect(USAGE, ["--workers"], "replay", CAPTURE, "--workers", value)


EAL = ["--no-huge", "--no-shconf", "--no-telemetry", "--no-pci", "-m", "256", "--log-level", "*:error"]


def expect_on_ports(status, words, *arguments):
    """A weir on ports of its own, of which one plays the capture."""
    eal, ours = arguments[:arguments.index("--")], arguments[arguments.index("--") + 1:]
    expect(status, words, *EAL, *eal, "--", "--exit-at-end", "--quiet", *ours)


@case
def more_workers_than_cores(_):
    port = f"--vdev=net_pcap0,rx_pcap={CAPTURE}"
    expect_on_ports(USAGE, ["2 workers", "lcores", "--lcores"], "--lcores=0@0,1@0", port, "--", "--workers", "2")
    expect_on_ports(USAGE, ["1 workers", "lcores"], "--lcores=0@0", port, "--")
    # Fewer queues than workers is no error: the port's one queue is shared out by hand-over.
    expect_on_ports(DONE, [], "--lcores=0@0,1@0,2@0", port, "--", "--workers", "2")


@case
def no_ports_or_unknown_ones(directory):
    expect_on_ports(USAGE, ["port"], "--lcores=0@0,1@0", "--")
    path = write(directory, "ports.conf", b'ports = ( { a = "net_pcap0"; b = "net_nowhere"; } );\n')
    expect_on_ports(USAGE, ["net_nowhere"], "--lcores=0@0,1@0", f"--vdev=net_pcap0,rx_pcap={CAPTURE}", "--",
                    "--config", path)


@case
def the_wrong_number_of_files(_):
    expect(USAGE, ["capture"], "replay")
    expect(USAGE, ["surplus"], "replay", CAPTURE, CAPTURE)
    expect(USAGE, [], "play", CAPTURE)
    expect(USAGE, [])


@case
def help_and_version(_):
    for arguments in (["--help"], ["--version"], ["replay", "--help"]):
        if not expect(DONE, [], *arguments).stdout:
            raise Failure(f"{arguments} prints nothing")


# Configuration.

def bad_config(directory, text, *words):
    path = write(directory, "weir.conf", text.encode())
    expect(USAGE, [path, *words], "replay", CAPTURE, "--config", path)


@case
def a_missing_configuration(directory):
    path = os.path.join(directory, "none.conf")
    expect(USAGE, [path, "No such file"], "replay", CAPTURE, "--config", path)


@case
def a_configuration_that_is_wrong(directory):
    bad_config(directory, "timeouts: {\n  tcp_established = \n}\n", ":")
    bad_config(directory, "\nfrobnicate = 5;\n", ":2", "frobnicate")
    bad_config(directory, "timeouts: { tcp_establishment = 5; };\n", ":1", "tcp_establishment")


@case
def configured_numbers_out_of_range(directory):
    bad_config(directory, "timeouts: {\n tcp_established = 0;\n};\n", ":2", "tcp_established", "0")
    bad_config(directory, "timeouts: {\n tcp_established = 99999999999L;\n};\n", ":2", "tcp_established")
    bad_config(directory, 'timeouts: {\n tcp_established = "long";\n};\n', ":2", "tcp_established", "long")


def main():
    if shutil.which(weir_run.program()) is None:
        print(f"skipped: {weir_run.program()} is not there; set WEIR to the program")
        return 77
    failed = 0
    for function in CASES:
        with tempfile.TemporaryDirectory() as directory:
            name = function.__name__.replace("_", " ")
            try:
                function(directory)
                print(f"ok    {name}", flush=True)
            except (Failure, weir_run.Broken) as error:
                print(f"FAIL  {name}: {error}", flush=True)
                failed += 1
    print(f"bad input: {len(CASES) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
