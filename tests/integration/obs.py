#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A real OBS Studio streams to pbsrtbin through the string that /connect prints, put where a person pastes it: Settings, Stream, Server.

OBS is too heavy for the dependencies that `run` installs; without it this is skipped. To run it by hand on Debian 12:

    apt-get install --no-install-recommends obs-studio obs-plugins xvfb
    meson test -C build --suite integration obs

OBS asks obsproject.com for news when it starts. So this whole script moves, before anything else, into a network namespace of its own that has a
loopback and no way out; it has no name, and is gone with its last process. Xvfb is the screen.
"""
import json
import os
import re
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "common"))
from pbtest import Skipped, environment, expect, need, run, test  # noqa: E402

INSIDE = "PB_OBS_NAMESPACE"
# OBS starts slowly without a graphics card, and slower yet on a loaded machine
SLOW = 120

GLOBAL = """[General]
FirstRun=true
LastVersion=486539266
EnableAutoUpdates=false
[Basic]
Profile=PB
ProfileDir=PB
SceneCollection=PB
SceneCollectionFile=PB
"""
BASIC = """[General]
Name=PB
[Output]
Mode=Advanced
[AdvOut]
Encoder=obs_x264
TrackIndex=1
[Video]
BaseCX=320
BaseCY=180
OutputCX=320
OutputCY=180
FPSCommon=30
"""
SCENES = {
    "current_scene": "Scene", "current_program_scene": "Scene", "name": "PB", "scene_order": [{"name": "Scene"}],
    "sources": [
        {"id": "color_source_v3", "versioned_id": "color_source_v3", "name": "Color", "settings": {"color": 4278255360, "width": 320, "height": 180}},
        {"id": "scene", "versioned_id": "scene", "name": "Scene",
         "settings": {"id_counter": 1, "items": [{"name": "Color", "id": 1, "visible": True, "scale": {"x": 1.0, "y": 1.0}}]}},
    ],
}


def enter_namespace():
    """Runs this script again in a network namespace; as it is where there is none to be had."""
    for how in (["unshare", "--net"], ["unshare", "--user", "--map-root-user", "--net"]):
        if shutil.which("unshare") and shutil.which("ip") and subprocess.run(how + ["ip", "link", "set", "lo", "up"], capture_output=True,
                                                                            check=False).returncode == 0:
            os.environ[INSIDE] = "yes"
            os.execvp(how[0], how + [sys.executable, os.path.abspath(__file__)] + sys.argv[1:])


def lab(scope):
    """A receiver that waits, in the namespace, and the string for an OBS that calls it."""
    need("obs", "Xvfb")
    if INSIDE not in os.environ:
        raise Skipped("no network namespace to keep OBS in")
    routes = subprocess.run(["ip", "route", "show", "default"], capture_output=True, text=True, check=True).stdout
    expect(not routes, f"OBS would have a way out: {routes}")
    server = scope.server()
    admin = server.create()["token"]
    receiver = scope.receiver(server, server.mint(admin, "cam-wide", "receive"))
    row = next(r for r in server.wait_ready(admin, "send")["strings"] if r["client"] == "obs" and r["mode"] == "caller")
    expect(row["works"], row["note"])
    return receiver, row["string"]


def write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)


def stream(scope, address):
    """OBS, already streaming to `address`, on a screen of its own."""
    home = scope.path("home")
    config = os.path.join(home, ".config", "obs-studio")
    profile = os.path.join(config, "basic", "profiles", "PB")
    write(os.path.join(config, "global.ini"), GLOBAL)
    write(os.path.join(profile, "basic.ini"), BASIC)
    write(os.path.join(profile, "streamEncoder.json"), json.dumps({"bitrate": 600, "keyint_sec": 1, "preset": "ultrafast", "tune": "zerolatency"}))
    write(os.path.join(profile, "service.json"), json.dumps(
        {"type": "rtmp_custom", "settings": {"server": address, "key": "", "use_auth": False, "bwtest": False}}))
    write(os.path.join(config, "basic", "scenes", "PB.json"), json.dumps(SCENES))

    screen = scope.run("Xvfb", ["Xvfb", "-displayfd", "1", "-screen", "0", "1280x720x24", "+extension", "GLX", "-nolisten", "tcp"])
    number = screen.wait_line(lambda line: line.strip() if re.fullmatch(r"\d+", line.strip()) else None, "a display")
    env = environment(HOME=home, XDG_CONFIG_HOME=os.path.join(home, ".config"), XDG_RUNTIME_DIR=home, DISPLAY=f":{number}",
                      QT_QPA_PLATFORM="xcb", LIBGL_ALWAYS_SOFTWARE="1", DBUS_SESSION_BUS_ADDRESS="disabled:")
    # ours alone: the debug flags and libraries of the build tree are not OBS's; nor are the person's screen and sound
    for name in ("G_DEBUG", "LD_LIBRARY_PATH", "WAYLAND_DISPLAY", "XAUTHORITY", "PULSE_SERVER", "ASAN_OPTIONS", "LD_PRELOAD"):
        env.pop(name, None)
    return scope.run("obs", ["obs", "--multi", "--startstreaming", "--minimize-to-tray", "--profile", "PB", "--collection", "PB", "--scene", "Scene",
                             "--verbose"], env, cwd=scope.directory)


@test("OBS Studio sends with the very string that /connect prints, encrypted, and its picture is decoded")
def test_obs_sends(scope):
    receiver, string = lab(scope)
    obs = stream(scope, string)
    peer = receiver.wait_message("pb-peer", timeout=SLOW, srt="connected")
    expect(peer["path"] == "plain" and peer["cipher"] == "aes-256", f"peer: {peer}")
    receiver.wait_count("out", 50, timeout=SLOW)
    version = next((line for line in obs.seen if re.search(r"OBS \d+\.", line)), "")
    print(f"# {version.strip()}; pb-peer {peer}; {receiver.count('out')} frames", flush=True)


@test("a wrong passphrase in the string that OBS has is named at the receiver")
def test_obs_wrong_passphrase(scope):
    receiver, string = lab(scope)
    wrong = re.sub(r"passphrase=\w+", "passphrase=this-is-not-the-one", string)
    expect(wrong != string, "there is a passphrase in the string")
    stream(scope, wrong)
    receiver.wait_message("pb-fault", timeout=SLOW, code="wrong-passphrase")
    expect(receiver.count("out") == 0, "nothing is decoded")


if INSIDE in os.environ:
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
else:
    enter_namespace()
run()
