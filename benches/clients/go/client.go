// Go's go-qemu: client WORKLOAD SOCKET [NAME=NUMBER]...
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/digitalocean/go-qemu/qmp"
)

type report map[string]float64

type clock struct {
	wall      time.Time
	processor int64
}

func processor() int64 {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		fail(err)
	}
	return used.Utime.Nano() + used.Stime.Nano()
}

func start() clock {
	return clock{time.Now(), processor()}
}

func (c clock) stop(operations int) report {
	wall := float64(time.Since(c.wall).Nanoseconds())
	used := float64(processor() - c.processor)
	n := float64(operations)
	return report{"operations": n, "wall_ns": wall / n, "cpu_ns": used / n}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

func connect(socket string) *qmp.SocketMonitor {
	monitor, err := qmp.NewSocketMonitor("unix", socket, 10*time.Second)
	if err == nil {
		err = monitor.Connect()
	}
	if err != nil {
		fail(err)
	}
	return monitor
}

type answer struct {
	Return struct {
		Qemu struct {
			Major int `json:"major"`
		} `json:"qemu"`
	} `json:"return"`
}

func repeat(monitor *qmp.SocketMonitor, count int) {
	for i := 0; i < count; i++ {
		bytes, err := monitor.Run([]byte(`{"execute":"query-version"}`))
		if err != nil {
			fail(err)
		}
		var version answer
		if err := json.Unmarshal(bytes, &version); err != nil {
			fail(err)
		}
		if version.Return.Qemu.Major < 2 {
			fail(errors.New("this is no version of QEMU"))
		}
	}
}

func roundTrip(socket string, numbers map[string]int) report {
	monitor := connect(socket)
	count := numbers["count"]
	repeat(monitor, count/10+1)
	c := start()
	repeat(monitor, count)
	return c.stop(count)
}

func connectAgain(socket string, numbers map[string]int) report {
	count := numbers["count"]
	c := start()
	for i := 0; i < count; i++ {
		if err := connect(socket).Disconnect(); err != nil {
			fail(err)
		}
	}
	return c.stop(count)
}

func eventsValue(socket string, numbers map[string]int) report {
	monitor := connect(socket)
	count := numbers["count"]
	events, err := monitor.Events(context.Background())
	if err != nil {
		fail(err)
	}
	c := start()
	go func() {
		command := fmt.Sprintf(`{"execute":"x-events","arguments":{"count":%d}}`, count)
		// The error is not looked at: the library hands out the answer in a buffer that it reads
		// the next events into, so the answer may be broken by the time it is parsed.
		_, _ = monitor.Run([]byte(command))
	}()
	seen := 0
	for event := range events {
		if event.Event == "SHUTDOWN" {
			break
		}
		seen++
	}
	if seen != count {
		fail(fmt.Errorf("of %d events %d came", count, seen))
	}
	r := c.stop(count)
	r["lost"] = 0
	return r
}

func main() {
	workloads := map[string]func(string, map[string]int) report{
		"round-trip":   roundTrip,
		"connect":      connectAgain,
		"events-value": eventsValue,
	}
	numbers := map[string]int{}
	for _, argument := range os.Args[3:] {
		name, value, _ := strings.Cut(argument, "=")
		number, err := strconv.Atoi(value)
		if err != nil {
			fail(err)
		}
		numbers[name] = number
	}
	run, known := workloads[os.Args[1]]
	if !known {
		fail(errors.New("no workload is called " + os.Args[1]))
	}
	line, err := json.Marshal(run(os.Args[2], numbers))
	if err != nil {
		fail(err)
	}
	fmt.Println(string(line))
}
