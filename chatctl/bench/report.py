"""A result, for people and for programs."""

from __future__ import annotations

from dataclasses import asdict

from chatctl.bench.plan import Plan, Result

BUSY = 0.9
"""From here on the generator may be what held things up: it needs the rest to wait and to be scheduled."""


def lines(plan: Plan, result: Result) -> list[str]:
    """Return the lines of the table."""
    rows = [
        ("Server", f"{plan.host} port {plan.port}{', TLS' if plan.tls else ''}"),
        ("Clients", _clients(plan)),
        ("Load", _load(plan)),
        ("Registered", f"in {result.register_seconds:.2f} s, all in their rooms {result.join_seconds:.2f} s later"),
        ("Deliveries", f"{result.deliveries:,} in {result.seconds:.2f} s, in one order, none missing"),
        ("Rate", f"{result.rate:,.0f} deliveries/s, {result.messages / result.seconds:,.0f} messages/s"),
    ]
    found = result.latencies
    if found:
        rows.append(
            (
                "Latency",
                ", ".join(f"{name} {_ms(found[name])}" for name in ("p50", "p99", "p99.9", "max"))
                + f" ({found['count']:,.0f} measured)",
            )
        )
    if result.server is not None:
        used = result.server
        share = used.cpu_seconds / result.seconds
        each = used.cpu_seconds / max(1, result.deliveries)
        rows.append(("Server CPU", f"{used.cpu_seconds:.2f} s ({share:.0%} of a core), {each * 1e6:.3f} us a delivery"))
        rows.append(
            (
                "Server memory",
                f"{used.memory_before_mib:.1f} MiB before, {result.server_idle:.1f} with all in"
                f" ({_each(result)} a client), {used.peak_mib:.1f} at the most",
            )
        )
    rows.append(("Generator", f"{result.generator_busy:.0%} busy"))
    return [f"{label + ':':<14} {text}" for label, text in rows]


def notices(plan: Plan, result: Result) -> list[str]:
    """Return notes on how to read the figures."""
    found = []
    if result.generator_busy >= BUSY:
        found.append(
            f"the load generator itself was busy for {result.generator_busy:.0%} of the time: the server may be faster "
            "than this says"
        )
    if result.told:
        found.append(f"the server told a client: {result.told}")
    if plan.rate and result.sent_late_ms > max(5.0, 1000 / plan.rate):
        found.append(f"messages went out up to {_ms(result.sent_late_ms)} late, which the latencies include")
    return found


def to_json(plan: Plan, result: Result) -> dict[str, object]:
    """Return all figures (plan.py explains them)."""
    return {
        **asdict(result),
        "rate": result.rate,
        "generator_busy": result.generator_busy,
        "notices": notices(plan, result),
    }


def _clients(plan: Plan) -> str:
    text = f"{plan.clients:,} in {plan.rooms:,} room{'s' * (plan.rooms != 1)}, {plan.senders} of them speak"
    if plan.caps:
        asking = sum(plan.has_caps(client) for client in range(plan.clients))
        text += f"; {asking:,} with {' '.join(plan.caps)}"
    return text


def _load(plan: Plan) -> str:
    text = f"{plan.messages:,} messages of {plan.size} bytes, "
    return text + (f"{plan.rate:g} a second" if plan.rate else f"up to {plan.window} in flight")


def _ms(value: float) -> str:
    return f"{value:.2f} ms" if value < 100 else f"{value:,.0f} ms"


def _each(result: Result) -> str:
    if result.server is None:
        return ""
    return f"{(result.server_idle - result.server.memory_before_mib) * 1024 / result.clients:.1f} KiB"
