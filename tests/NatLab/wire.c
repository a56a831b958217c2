// wire: an Ethernet switch with delay, jitter, loss and a rate cap, in user space.
// It stands in for tc-netem where the kernel has none. It takes the ports of the
// public bridge (bridge end of veth pairs) and passes frames between them.
//
//   wire FILE IFACE...      FILE holds: DELAY_MS JITTER_MS LOSS_PERCENT RATE_MBIT (RATE 0 = no cap)
//
// It says "ready" on standard error when it passes frames, and reads FILE again on SIGHUP. DELAY is one way and
// per crossing, so a round trip takes twice that. Frames keep their virtio header, so checksum and segmentation
// offload go through untouched.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum { MAX_PORTS = 256, MAX_MACS = 1024, QUEUE = 16384, FRAME = 66 * 1024, VNET = sizeof(struct virtio_net_hdr) };

struct packet { uint64_t due; uint32_t len; uint8_t *bytes; };
struct port {
  int fd;
  const char *name;
  struct packet *queue; // ring ordered by due time
  uint32_t head, count;
  uint64_t busy_until, dropped;
};
struct mac { uint8_t addr[6]; int port; };

static struct port ports[MAX_PORTS];
static struct mac macs[MAX_MACS];
static int nports, nmacs;
static double delay, jitter, loss, mbit;
static volatile sig_atomic_t reread = 1;

static void on_hangup(int signal) { (void)signal; reread = 1; }

static uint64_t now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000ull + (uint64_t)t.tv_nsec;
}

static uint64_t state = 88172645463325252ull;
static double unit(void) { // xorshift: the lab needs repeatable, not secret
  state ^= state << 13; state ^= state >> 7; state ^= state << 17;
  return (double)(state >> 11) / 9007199254740992.0;
}

static int find(const uint8_t *addr) {
  for (int i = 0; i < nmacs; i++) if (memcmp(macs[i].addr, addr, 6) == 0) return i;
  return -1;
}

static void learn(const uint8_t *addr, int port) {
  int i = find(addr);
  if (i < 0 && nmacs < MAX_MACS) { i = nmacs++; memcpy(macs[i].addr, addr, 6); }
  if (i >= 0) macs[i].port = port;
}

static void die(const char *what) { perror(what); exit(1); }

static void read_numbers(const char *path) {
  double percent;
  FILE *file = fopen(path, "r");
  if (file == NULL) die(path);
  if (fscanf(file, "%lf %lf %lf %lf", &delay, &jitter, &percent, &mbit) != 4) { fprintf(stderr, "%s: four numbers wanted\n", path); exit(2); }
  fclose(file);
  loss = percent / 100.0;
}

static void enqueue(struct port *p, const uint8_t *bytes, uint32_t len, uint64_t due) {
  if (p->count == QUEUE) { p->dropped++; return; }
  if (mbit > 0) {
    uint64_t start = p->busy_until > due ? p->busy_until : due;
    due = start + (uint64_t)((double)len * 8000.0 / mbit);
    p->busy_until = due;
    if (due > now() + 2000000000ull) { p->dropped++; return; } // a two-second buffer is full
  }
  if (p->count > 0) { // keep the order: TCP should see delay, not reordering
    uint64_t last = p->queue[(p->head + p->count - 1) % QUEUE].due;
    if (due < last) due = last;
  }
  struct packet *slot = &p->queue[(p->head + p->count++) % QUEUE];
  slot->due = due; slot->len = len; slot->bytes = malloc(len);
  if (slot->bytes == NULL) die("malloc");
  memcpy(slot->bytes, bytes, len);
}

int main(int argc, char **argv) {
  if (argc < 4) { fprintf(stderr, "usage: wire FILE IFACE IFACE...\n"); return 2; }
  signal(SIGHUP, on_hangup);
  static uint8_t frame[FRAME];
  struct pollfd polls[MAX_PORTS + 1];
  for (int i = 2; i < argc && nports < MAX_PORTS; i++) {
    struct port *p = &ports[nports];
    p->name = argv[i];
    p->fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, htons(ETH_P_ALL));
    if (p->fd < 0) die("socket");
    int one = 1, big = 8 << 20;
    if (setsockopt(p->fd, SOL_PACKET, PACKET_VNET_HDR, &one, sizeof one) < 0) die("PACKET_VNET_HDR");
    if (setsockopt(p->fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof one) < 0) die("PACKET_IGNORE_OUTGOING");
    setsockopt(p->fd, SOL_SOCKET, SO_RCVBUFFORCE, &big, sizeof big);
    setsockopt(p->fd, SOL_SOCKET, SO_SNDBUFFORCE, &big, sizeof big);
    struct sockaddr_ll at = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL), .sll_ifindex = (int)if_nametoindex(p->name) };
    if (at.sll_ifindex == 0 || bind(p->fd, (struct sockaddr *)&at, sizeof at) < 0) die(p->name);
    struct packet_mreq promiscuous = { .mr_ifindex = at.sll_ifindex, .mr_type = PACKET_MR_PROMISC };
    if (setsockopt(p->fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &promiscuous, sizeof promiscuous) < 0) die("promiscuous");
    p->queue = calloc(QUEUE, sizeof *p->queue);
    if (p->queue == NULL) die("calloc");
    polls[nports] = (struct pollfd){ .fd = p->fd, .events = POLLIN };
    nports++;
  }
  int timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
  if (timer < 0) die("timerfd");
  polls[nports] = (struct pollfd){ .fd = timer, .events = POLLIN };
  fprintf(stderr, "ready\n");

  for (;;) {
    if (reread) { reread = 0; read_numbers(argv[1]); }
    uint64_t next = UINT64_MAX, t = now();
    for (int i = 0; i < nports; i++) {
      struct port *p = &ports[i];
      while (p->count > 0) {
        struct packet *q = &p->queue[p->head];
        if (q->due > t) { if (q->due < next) next = q->due; break; }
        ssize_t n = send(p->fd, q->bytes, q->len, 0);
        if (n < 0 && (errno == EAGAIN || errno == ENOBUFS)) { next = t + 200000; break; }
        if (n < 0) p->dropped++;
        free(q->bytes);
        p->head = (p->head + 1) % QUEUE;
        p->count--;
      }
    }
    struct itimerspec at = { 0 };
    if (next != UINT64_MAX) {
      at.it_value.tv_sec = (time_t)(next / 1000000000ull);
      at.it_value.tv_nsec = (long)(next % 1000000000ull);
    }
    timerfd_settime(timer, TFD_TIMER_ABSTIME, &at, NULL);
    if (poll(polls, (nfds_t)nports + 1, -1) < 0) { if (errno == EINTR) continue; die("poll"); }
    uint64_t ticks;
    if (read(timer, &ticks, sizeof ticks) < 0 && errno != EAGAIN) die("timer");

    for (int i = 0; i < nports; i++) {
      if (!(polls[i].revents & POLLIN)) continue;
      for (int burst = 0; burst < 64; burst++) {
        ssize_t n = recv(ports[i].fd, frame, sizeof frame, 0);
        if (n < 0) break;
        if (n < VNET + 14) continue;
        const uint8_t *eth = frame + VNET;
        learn(eth + 6, i);
        if (loss > 0 && unit() < loss) continue;
        double ms = delay + (jitter > 0 ? (unit() * 2.0 - 1.0) * jitter : 0);
        uint64_t due = now() + (uint64_t)((ms > 0 ? ms : 0) * 1e6);
        int at_mac = (eth[0] & 1) ? -1 : find(eth);
        if (at_mac >= 0) {
          if (macs[at_mac].port != i) enqueue(&ports[macs[at_mac].port], frame, (uint32_t)n, due);
        } else {
          for (int j = 0; j < nports; j++) if (j != i) enqueue(&ports[j], frame, (uint32_t)n, due);
        }
      }
    }
  }
}
