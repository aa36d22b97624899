"""Python's qemu.qmp as a client: client.py SCENARIO ADDRESS prints its results as JSON.

A scenario only drives the client; what its server should have said is asserted in the test.
"""

import asyncio
import json
import os
import signal
import sys
import tempfile

from qemu.qmp import ExecInterruptedError, ExecuteError, QMPClient
from qemu.qmp.legacy import QEMUMonitorProtocol

PATIENCE = 20


async def connected(address):
    client = QMPClient('foreign')
    await client.connect(address)
    return client


async def end(client):
    """Returns the state of the connection, as reported by the client."""
    try:
        await client.disconnect()
    except Exception as error:  # whatever it is, it is the result
        return type(error).__name__
    return None


def written(text):
    """Returns an open file at its start, whose descriptor can be sent."""
    file = tempfile.TemporaryFile()
    file.write(text.encode())
    file.flush()
    os.lseek(file.fileno(), 0, os.SEEK_SET)
    return file


async def commands(address):
    client = await connected(address)
    greeting = client.greeting.QMP
    seen = {
        'version': greeting.version['qemu'],
        'capabilities': list(greeting.capabilities),
        'status': await client.execute('query-status'),
        'echo': await client.execute('echo', {'text': 'é☃𝄞 "\\\n\x7f', 'number': 1.5}),
        'empty': await client.execute('echo', {}),
    }
    seen['end'] = await end(client)
    return seen


async def burst(address):
    client = await connected(address)
    numbers = range(300)
    answers = await asyncio.gather(*(client.execute('echo', {'n': n}) for n in numbers))
    await client.disconnect()
    return [answer['n'] for answer in answers] == list(numbers)


async def out_of_band(address):
    client = await connected(address)
    slow = asyncio.create_task(client.execute('slow'))
    await asyncio.sleep(0)
    fast = await client.execute('fast', oob=True)
    waiting = not slow.done()
    await client.execute('let-go', oob=True)
    seen = [fast, waiting, await slow]
    await client.disconnect()
    return seen


async def ids(address):
    client = await connected(address)
    seen = [
        dict(await client._raw({'execute': 'query-status'}, assign_id=False)),
        dict(await client._raw({'execute': 'query-status', 'id': 'é "☃" \\'}, assign_id=False)),
        dict(await client._raw(b'{"execute": "query-status"}', assign_id=False)),
    ]
    await client.disconnect()
    return [message.get('id') for message in seen]


async def errors(address):
    client = await connected(address)
    seen = []
    for name in ('device_del', 'x-unknown'):
        try:
            await client.execute(name, {'id': 'x'})
        except ExecuteError as error:
            seen.append([error.error_class, str(error)])
    await client.execute('query-status')
    await client.disconnect()
    return seen


async def not_json(address):
    """Python's json accepts NaN in an argument, although it is not JSON."""
    client = await connected(address)
    try:
        await client.execute('echo', {'number': float('nan')})
    except ExecInterruptedError:
        return await end(client)


async def events(address):
    client = await connected(address)
    with client.listener() as listener:
        await client.execute('stop')
        before = [event['event'] for event in listener.clear()]
        await client.execute('cont')
        after = await listener.get()
        later = await listener.get()
    await client.disconnect()
    return {
        'before': before,
        'after': after['event'],
        'data': later['data'],
        'timestamp': sorted(after['timestamp']),
    }


async def descriptor(address):
    client = await connected(address)
    with written('from Python') as file:
        client.send_fd_scm(file.fileno())
        await client.execute('getfd', {'fdname': 'f'})
    try:
        await client.execute('getfd', {'fdname': 'g'})
    except ExecuteError as error:
        return str(error)
    finally:
        await client.disconnect()


async def hang_up(address):
    client = await connected(address)
    try:
        await client.execute('lost')
    except ExecInterruptedError as error:
        return [str(error), await end(client)]


async def quits(address):
    client = await connected(address)
    with client.listener('SHUTDOWN') as listener:
        done = await client.execute('quit')
        shutdown = await listener.get()
        while client.runstate.name == 'RUNNING':
            await client.runstate_changed()
    return [done, shutdown['data']['reason'], await end(client)]


async def reconnects(address):
    client = QMPClient('foreign')
    seen = []
    for _ in range(5):
        await client.connect(address)
        seen.append((await client.execute('query-status'))['status'])
        await client.disconnect()
    return seen


async def reconnects_after_hang_up(address):
    client = await connected(address)
    first = None
    try:
        await client.execute('lost')
    except ExecInterruptedError:
        first = await end(client)
    await client.connect(address)
    await client.execute('query-status')
    return [first, await end(client)]


async def large(address):
    client = await connected(address)
    string = await client.execute('long')
    levels = 0
    value = await client.execute('deep')
    while value:
        value = value[0]
        levels += 1
    await client.disconnect()
    return [len(string), levels]


async def agent(address):
    client = QMPClient('foreign')
    client.await_greeting = client.negotiate = False
    await client.connect(address)
    synced = await client.execute('guest-sync', {'id': 1234})
    ping = await client.execute('guest-ping')
    await client.disconnect()
    return [synced, ping]


async def listens(address):
    client = QMPClient('foreign')
    await client.start_server_and_accept(address)
    status = await client.execute('query-status')
    await client.disconnect()
    return status


def legacy(address):
    with QEMUMonitorProtocol(address) as client:
        client.settimeout(PATIENCE)
        greeting = client.connect()
        seen = {
            'greeting': sorted(greeting),
            'status': client.cmd('query-status'),
            'object': client.cmd_obj({'execute': 'echo', 'arguments': {'a': 1}, 'id': 'mine'}),
            'refused': client.cmd_raw('device_del', {'id': 'x'})['error']['class'],
            'none': client.get_events(),
        }
        client.cmd('stop')
        seen['event'] = client.get_events()[0]['event']
        client.clear_events()
        client.cmd('cont')
        seen['pulled'] = client.pull_event(wait=PATIENCE)['event']
        with written('from legacy') as file:
            client.send_fd_scm(file.fileno())
            client.cmd('getfd', fdname='f')
    return seen


def legacy_listens(address):
    with QEMUMonitorProtocol(address, server=True) as client:
        client.accept(timeout=PATIENCE)
        return client.cmd('query-status')


def main():
    name, address = sys.argv[1:]
    # Some scenarios wait forever, whatever they receive.
    signal.alarm(PATIENCE + 5)
    scenario = globals()[name]
    if asyncio.iscoroutinefunction(scenario):
        result = asyncio.run(asyncio.wait_for(scenario(address), PATIENCE))
    else:
        result = scenario(address)
    print(json.dumps(result))


main()
