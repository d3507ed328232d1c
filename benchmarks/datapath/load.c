// The ends of a measured connection, in C so that what is timed is the kernel:
//   load accept PORT | sink PORT | echo PORT        servers; "ready" when they listen
//   load connect ADDRESS PORT COUNT SPAN FIRST      median, 99th percentile of connect + close, ns
//   load stream ADDRESS PORT SECONDS                bytes sent per second
//   load trips ADDRESS PORT SECONDS                 one-byte round trips per second
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { CHUNK = 128 * 1024, BACKLOG = 4096, NAP_US = 500 };
static char chunk[CHUNK];

static int check(long result, const char *what) {
    if (result < 0) {
        fprintf(stderr, "%s: %s\n", what, strerror(errno));
        exit(1);
    }
    return (int)result;
}

static int64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000000LL + now.tv_nsec;
}

static struct sockaddr_in endpoint(uint32_t address, const char *port) {
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_port = htons(atoi(port))};
    name.sin_addr.s_addr = htonl(address);
    return name;
}

static int listener(const char *port, int flags) {
    struct sockaddr_in name = endpoint(INADDR_ANY, port);
    int on = 1, fd = check(socket(AF_INET, SOCK_STREAM | flags, 0), "socket");
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    check(bind(fd, (void *)&name, sizeof name), "bind");
    check(listen(fd, BACKLOG), "listen");
    puts("ready");
    fflush(stdout);
    return fd;
}

// Takes what there is and sleeps: no connect() that is timed has to wake a server.
static void serve_accept(const char *port) {
    for (int fd = listener(port, SOCK_NONBLOCK);; usleep(NAP_US))
        for (int taken; (taken = accept(fd, NULL, NULL)) >= 0;)
            close(taken);
}

static void serve_stream(const char *port, int echo) {
    for (int fd = listener(port, 0);;) {
        int on = 1, taken = check(accept(fd, NULL, NULL), "accept");
        setsockopt(taken, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        for (ssize_t got; (got = read(taken, chunk, CHUNK)) > 0;)
            if (echo && write(taken, chunk, got) != got)
                break;
        close(taken);
    }
}

static int connected(uint32_t address, const char *port) {
    struct sockaddr_in name = endpoint(address, port);
    int fd = check(socket(AF_INET, SOCK_STREAM, 0), "socket");
    check(connect(fd, (void *)&name, sizeof name), "connect");
    return fd;
}

static int ascending(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

// Goes over SPAN addresses in even steps. Closes by reset, so that no port stays in TIME_WAIT.
static void run_connect(uint32_t address, char **words) {
    long count = atol(words[1]), span = atol(words[2]), at = atol(words[3]) % span;
    long step = span > count ? span / count : 1;
    int64_t *took = calloc(count, sizeof *took);
    struct linger reset = {1, 0};
    for (long i = 0; i < count; i++, at = (at + step) % span) {
        struct sockaddr_in name = endpoint(address + at, words[0]);
        int fd = check(socket(AF_INET, SOCK_STREAM, 0), "socket");
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
        int64_t start = now_ns();
        check(connect(fd, (void *)&name, sizeof name), "connect");
        close(fd);
        took[i] = now_ns() - start;
    }
    qsort(took, count, sizeof *took, ascending);
    printf("%lld %lld\n", (long long)took[count / 2], (long long)took[count * 99 / 100]);
}

static void run_stream(uint32_t address, char **words) {
    int fd = connected(address, words[0]);
    int64_t start = now_ns(), until = start + (int64_t)(atof(words[1]) * 1e9), sent = 0;
    while (now_ns() < until)
        sent += check(write(fd, chunk, CHUNK), "write");
    printf("%.0f\n", sent * 1e9 / (now_ns() - start));
}

static void run_trips(uint32_t address, char **words) {
    int on = 1, fd = connected(address, words[0]);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    int64_t start = now_ns(), until = start + (int64_t)(atof(words[1]) * 1e9), trips = 0;
    for (; now_ns() < until; trips++) {
        check(write(fd, chunk, 1), "write");
        check(read(fd, chunk, 1), "read");
    }
    printf("%.1f\n", trips * 1e9 / (now_ns() - start));
}

int main(int count, char **words) {
    const char *role = count > 2 ? words[1] : "";
    uint32_t address = count > 4 ? ntohl(inet_addr(words[2])) : 0;
    if (!strcmp(role, "accept"))
        serve_accept(words[2]);
    else if (!strcmp(role, "sink") || !strcmp(role, "echo"))
        serve_stream(words[2], role[0] == 'e');
    else if (!strcmp(role, "connect") && count == 7)
        run_connect(address, words + 3);
    else if (!strcmp(role, "stream") && count == 5)
        run_stream(address, words + 3);
    else if (!strcmp(role, "trips") && count == 5)
        run_trips(address, words + 3);
    else
        return 2;
    return 0;
}
