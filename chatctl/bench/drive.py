"""The run itself: sends messages until all recipients have all of them.

Invariants:

- [closed-loop] A sender has its share of the window in flight. The next messages are sent when the slowest client of
  the room has received these, so a server is never asked for more than it delivers.
- [open-loop] Message `i` is due at ``start + i / rate``, whatever the server does. Its latency counts from then, not
  from when it could be sent: a stalled server pays for the delay (no coordinated omission).
- [complete-or-void] Missing deliveries are never left out: the run is void, and reports how many are missing.
"""

from __future__ import annotations

import gc
import time
from itertools import cycle, islice

from chatctl.bench.crowd import LoadClient, LoadClients, Progress
from chatctl.bench.latency import Latencies
from chatctl.bench.plan import Plan, Result, Usage
from chatctl.bench.streams import RoomStream, StreamReader, one_order
from chatctl.bench.usage import Process
from chatctl.errors import ChatctlError, RefusedError, UnreachableError

MAX_SAMPLES = 200_000
"""Latencies measured in closed loop; past that, those of some clients only."""


class LoadSender:
    """A client that sends. `due`: the times at which its messages should be sent."""

    __slots__ = ("client", "due", "number", "quota", "sent", "streams")

    def __init__(self, number: int, client: LoadClient, quota: int) -> None:
        self.number = number
        self.client = client
        self.quota = quota
        self.sent = 0
        self.due: list[float] = []
        self.streams: list[RoomStream] = []
        """Where its messages are heard."""

    def confirmed(self) -> int:
        """Return the number of messages of a sender that all recipients have."""
        return min((stream.confirmed.get(self.number, 0) for stream in self.streams), default=self.sent)


class Run:
    """One measured run with clients that have joined their rooms."""

    def __init__(self, plan: Plan, crowd: LoadClients, progress: Progress) -> None:
        self.plan = plan
        self.crowd = crowd
        self.streams: dict[tuple[int, bool, int], RoomStream] = {}
        self.speakers: list[LoadSender] = []
        self.late = 0.0
        self.last = 0.0
        self._said = self._heard = 0.0
        """When a client last received something new, and when the first message since then was sent (open loop)."""
        self._progress = progress
        self._text = b"x" * plan.size
        self._talkers: dict[int, list[LoadSender]] = {}
        self._set_up()

    def _set_up(self) -> None:
        plan = self.plan
        echo = "echo-message" in plan.caps
        said = [0] * plan.rooms
        for sender in range(plan.senders):
            said[sender % plan.rooms] += plan.quota(sender)
            self.speakers.append(LoadSender(sender, self.crowd.clients[sender], plan.quota(sender)))
        for client in self.crowd.clients:
            room, caps = client.index % plan.rooms, plan.has_caps(client.index)
            alone = client.index if client.index < plan.senders and not (caps and echo) else -1
            stream = self.streams.get((room, caps, alone))
            if stream is None:
                name = (
                    f"{client.room}{' with capabilities' if caps else ''}{f' (sender {alone})' if alone >= 0 else ''}"
                )
                # A step of half a share: the last sender alone still gets its next ones confirmed.
                stream = self.streams[room, caps, alone] = RoomStream(name, max(1, plan.share // 2), alone)
                stream.expected = said[room] - (plan.quota(alone) if alone >= 0 else 0)
            client.ear = StreamReader(stream)
        for speaker in self.speakers:
            here = [stream for (room, _, _), stream in self.streams.items() if room == speaker.number % plan.rooms]
            speaker.streams = [stream for stream in here if stream.but != speaker.number]
            for stream in here:
                self._talkers.setdefault(id(stream), []).append(speaker)
        deliveries = self.expected()
        timed = len(self.crowd.clients) * min(1.0, MAX_SAMPLES / max(1, deliveries)) if not plan.rate else 1 << 62
        for client in self.crowd.clients[::-1][: max(1, int(timed))]:
            client.timed = True

    def expected(self) -> int:
        """Deliveries of the whole run."""
        return sum(stream.expected * stream.ears for stream in self.streams.values())

    def delivered(self) -> int:
        """Deliveries so far."""
        return sum(client.ear.count for client in self.crowd.clients if client.ear)

    def go(self) -> float:
        """Run until all recipients have all messages; return the seconds from the first message to the last
        delivery."""
        waiting = {id(stream): stream for stream in self.streams.values() if stream.expected}
        for stream in self.streams.values():
            if not stream.expected:
                stream.done = stream.ears
        begin = self.last = self._heard = time.perf_counter()
        schedule = self._schedule(begin)
        if not self.plan.rate:
            for speaker in self.speakers:
                self._say(speaker, self.plan.share, begin)
        shown = begin
        while waiting:
            now = time.perf_counter()
            left = self._due(schedule, now) if self.plan.rate else 1.0
            heard = self._hear(left)
            now = time.perf_counter()
            for stream in heard:
                if stream.done == stream.ears:
                    waiting.pop(id(stream), None)
            if now - max(self._heard, self._said) > self.plan.timeout:
                raise UnreachableError(f"The server has delivered nothing for {self.plan.timeout:g} s")
            if now - shown > 0.1:
                shown = now
                self._progress("measuring", self.delivered(), self.expected())
        return self.last - begin

    def _hear(self, timeout: float) -> list[RoomStream]:
        """Read available input; return the streams in which all clients advanced."""
        further: list[RoomStream] = []
        new = False
        clock, noise = time.perf_counter, self.crowd.noise
        for client, data in self.crowd.events(timeout):
            ear = client.ear
            assert ear is not None
            stream, before = ear.stream, ear.count
            if stream.heard(ear, data, lambda line, client=client: noise(client, line)):  # type: ignore[misc]
                further.append(stream)
                if not self.plan.rate:
                    self._go_on(stream)
            if ear.count > before:
                new = True
                if client.timed:
                    stream.arrived.append((before, ear.count, clock()))
        if new:
            self._heard = clock()
            if further:
                self.last = self._heard
        return further

    def _go_on(self, stream: RoomStream) -> None:
        now = time.perf_counter()
        for speaker in self._talkers.get(id(stream), ()):
            self._say(speaker, speaker.confirmed() + self.plan.share, now)

    def _say(self, speaker: LoadSender, upto: int, now: float) -> None:
        first, upto = speaker.sent, min(upto, speaker.quota)
        if upto <= first:
            return
        start = b"PRIVMSG %s :%d " % (speaker.client.room.encode(), speaker.number)
        self.crowd.send(speaker.client, b"".join(self._line(start, number) for number in range(first, upto)))
        speaker.due += [now] * (upto - first)
        speaker.sent = upto

    def _line(self, start: bytes, number: int) -> bytes:
        words = b"%d " % number
        return start + words + self._text[: max(1, self.plan.size - len(words))] + b"\r\n"

    # Open loop.

    def _schedule(self, begin: float) -> list[tuple[float, LoadSender]]:
        """Return all messages, the last one first."""
        if not self.plan.rate:
            return []
        turns = islice(cycle(self.speakers), self.plan.messages)
        return [(begin + at / self.plan.rate, speaker) for at, speaker in enumerate(turns)][::-1]

    def _due(self, schedule: list[tuple[float, LoadSender]], now: float) -> float:
        """Send messages that are due; return the seconds until the next one."""
        while schedule and schedule[-1][0] <= now:
            due, speaker = schedule.pop()
            self.late = max(self.late, now - due)
            self._say(speaker, speaker.sent + 1, due)
            if self._said <= self._heard:  # else something has been waiting since then
                self._said = now
        return max(0.0, min(1.0, schedule[-1][0] - now)) if schedule else 1.0

    # Afterwards.

    def check(self) -> None:
        """Check that every room has one order."""
        rooms: dict[int, list[RoomStream]] = {}
        for (room, _, _), stream in self.streams.items():
            rooms.setdefault(room, []).append(stream)
        for streams in rooms.values():
            one_order(sorted(streams, key=lambda stream: stream.but))

    def latencies(self, begin: float) -> Latencies:
        """Return the time from when each message was due until a client had it."""
        found = Latencies(begin)
        for stream in self.streams.values():
            numbers = stream.sent_numbers()
            due = [self.speakers[sender].due[number] for sender, number in zip(stream.order, numbers, strict=True)]
            for first, last, at in stream.arrived:
                found.add(due[first:last], at)
        return found


def measure(plan: Plan, progress: Progress) -> Result:
    """Run the load: register, join, measure. Raises UnreachableError or RefusedError for what the server did, and
    DisorderError for what it got wrong."""
    process = Process(plan.pid) if plan.pid is not None else None
    before = process.memory_mib() if process else 0.0
    with LoadClients(plan, progress) as crowd:
        registering = crowd.register()
        joining = crowd.join()
        idle = process.memory_mib() if process else 0.0
        run = Run(plan, crowd, progress)
        cpu = process.cpu_seconds() if process else 0.0
        crowd.bytes_read = 0
        gc.collect()
        gc.disable()  # a pause of ours would be taken for one of the server's
        own, begin = time.thread_time(), time.perf_counter()
        try:
            seconds = run.go()
        except (UnreachableError, RefusedError) as error:
            raise type(error)(f"{error}. {_lost(run)}") from None
        except ChatctlError as error:
            raise type(error)(f"{error}. The run is void") from None
        finally:
            gc.enable()
        own = time.thread_time() - own
        usage = None
        if process:
            used = process.cpu_seconds() - cpu
            usage = Usage(used, process.memory_mib(), process.peak_mib(), before)
        run.check()
        latencies = run.latencies(begin)
        return Result(
            clients=plan.clients,
            rooms=plan.rooms,
            messages=plan.messages,
            expected=run.expected(),
            deliveries=run.delivered(),
            seconds=seconds,
            register_seconds=registering,
            join_seconds=joining,
            bytes_read=crowd.bytes_read,
            generator_cpu=own,
            told=crowd.told,
            sent_late_ms=run.late * 1000,
            latencies=latencies.quantiles(),
            timeline=latencies.timeline(),
            histogram=latencies.histogram(),
            server=usage,
            server_idle=idle,
        )


def _lost(run: Run) -> str:
    missing = run.expected() - run.delivered()
    return f"The run is void: {missing} of {run.expected()} deliveries did not arrive"
