#!/bin/busybox sh
# The guest's first program: brings up the agent and keeps it up.
export PATH=/bin:/sbin
busybox mount -t proc proc /proc
busybox mount -t sysfs sys /sys
busybox mount -t devtmpfs dev /dev
busybox mount -t tmpfs tmp /tmp
busybox mount -t tmpfs run /run
exec </dev/ttyS0 >/dev/ttyS0 2>&1
while read -r module; do
  busybox insmod "/modules/$module" || echo "guest: module $module cannot be loaded"
done </modules/order
busybox --install -s /bin

while :; do
  for port in /sys/class/virtio-ports/*; do
    [ "$(cat "$port/name" 2>/dev/null)" = org.qemu.guest_agent.0 ] || continue
    echo "guest: the agent starts"
    qemu-ga -m virtio-serial -p "/dev/${port##*/}" -t /run
    echo "guest: the agent has ended with $?"
  done
  sleep 0.1
  # A test may want to see that the agent is away.
  while [ -e /run/hold ]; do sleep 0.1; done
done
