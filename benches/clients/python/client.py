"""Python's qemu.qmp: client.py WORKLOAD SOCKET [NAME=NUMBER]..."""

import asyncio
import json
import sys
import time

from qemu.qmp import QMPClient

COMMAND = 'query-version'


class Clock:
    def __init__(self):
        self.wall = time.perf_counter_ns()
        self.processor = time.process_time_ns()

    def stop(self, operations, **more):
        wall = time.perf_counter_ns() - self.wall
        processor = time.process_time_ns() - self.processor
        return dict(
            operations=operations,
            wall_ns=wall / operations,
            cpu_ns=processor / operations,
            **more,
        )


def resident():
    with open('/proc/self/status', encoding='ascii') as status:
        for line in status:
            if line.startswith('RssAnon:'):
                return int(line.split()[1]) * 1024
    raise RuntimeError('/proc/self/status has no RssAnon')


def check(version):
    assert version['qemu']['major'] >= 2, version


async def connect(socket):
    client = QMPClient('bench')
    await client.connect(socket)
    return client


async def repeat(client, count):
    for _ in range(count):
        check(await client.execute(COMMAND))


async def round_trip(socket, count):
    client = await connect(socket)
    await repeat(client, max(1, count // 10))
    clock = Clock()
    await repeat(client, count)
    report = clock.stop(count)
    await client.disconnect()
    return report


async def in_flight(socket, count, width):
    client = await connect(socket)
    await repeat(client, max(1, count // 10))
    clock = Clock()
    await asyncio.gather(*(repeat(client, count // width) for _ in range(width)))
    report = clock.stop(count // width * width)
    await client.disconnect()
    return report


async def schema_value(socket, count):
    client = await connect(socket)
    clock = Clock()
    for _ in range(count):
        assert len(await client.execute('query-qmp-schema')) > 500
    report = clock.stop(count)
    await client.disconnect()
    return report


async def events_value(socket, count):
    client = await connect(socket)
    seen = 0
    with client.listener() as listener:
        clock = Clock()
        await client.execute('x-events', {'count': count})
        async for event in listener:
            if event['event'] == 'SHUTDOWN':
                break
            assert event['timestamp']['microseconds']
            seen += 1
    assert seen == count, f'of {count} events {seen} came'
    report = clock.stop(count, lost=0.0)
    await client.disconnect()
    return report


async def connect_again(socket, count):
    await (await connect(socket)).disconnect()
    clock = Clock()
    for _ in range(count):
        await (await connect(socket)).disconnect()
    return clock.stop(count)


async def idle(socket, connections):
    await (await connect(socket)).disconnect()
    before = resident()
    clock = Clock()
    clients = [await connect(socket) for _ in range(connections)]
    report = clock.stop(connections)
    report['idle_bytes'] = (resident() - before) / connections
    for client in clients:
        assert len(await client.execute('query-qmp-schema')) > 500
    report['after_large_bytes'] = (resident() - before) / connections
    for client in clients:
        await client.disconnect()
    return report


WORKLOADS = {
    'round-trip': round_trip,
    'in-flight': in_flight,
    'schema-value': schema_value,
    'events-value': events_value,
    'connect': connect_again,
    'idle': idle,
}


def main():
    workload, socket, *numbers = sys.argv[1:]
    numbers = {name: int(number) for name, number in (it.split('=') for it in numbers)}
    print(json.dumps(asyncio.run(WORKLOADS[workload](socket, **numbers))))


main()
