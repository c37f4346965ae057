/* Answers every HTTP/1.1 request with the same reply, as fast as one core can.
 *
 *   responder REPLY
 *
 * Listens on a free port of 127.0.0.1 and prints it. A line on stdin is answered with the number of
 * requests so far; the end of stdin ends the process. Bodies are measured by Content-Length only.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { HEAD = 16384, READ = 65536, EVENTS = 256, CONNECTIONS = 65536 };

struct connection {
    size_t held;    /* bytes of an unfinished head */
    size_t body;    /* bytes of the body still to come */
    char head[HEAD];
};

static struct connection *connections[CONNECTIONS];
static const char *reply;
static size_t reply_size;
static unsigned long requests;

static size_t content_length(const char *head, const char *end)
{
    static const char name[] = "content-length:";
    for (const char *line = head; line && line < end; line = memchr(line, '\n', end - line)) {
        line += line != head;
        if (end - line > (long)sizeof name && !strncasecmp(line, name, sizeof name - 1))
            return strtoul(line + sizeof name - 1, NULL, 10);
    }
    return 0;
}

static void drop(int fd)
{
    free(connections[fd]);
    connections[fd] = NULL;
    close(fd);
}

/* Takes what came, returns how many requests it completed; -1 for a head that is too large. */
static int take(struct connection *c, const char *data, size_t size)
{
    int done = 0;
    while (size) {
        if (c->body) {
            size_t part = size < c->body ? size : c->body;
            c->body -= part, data += part, size -= part;
            done += !c->body;
            continue;
        }
        const char *head = data, *end;
        size_t length = size, before = c->held;
        if (before) {
            if (before + size > HEAD)
                length = HEAD - before;
            memcpy(c->head + before, data, length);
            head = c->head, length += before;
        }
        end = memmem(head, length, "\r\n\r\n", 4);
        if (!end) {
            if (length >= HEAD)
                return -1;
            if (!before)
                memcpy(c->head, data, size);
            c->held = length;
            return done;
        }
        size_t used = end + 4 - head - before;
        c->body = content_length(head, end), c->held = 0;
        data += used, size -= used;
        done += !c->body;
    }
    return done;
}

static void serve(int fd)
{
    static char data[READ];
    ssize_t size = recv(fd, data, READ, 0);
    if (size < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    int done = size > 0 ? take(connections[fd], data, size) : -1;
    if (done < 0) {
        drop(fd);
        return;
    }
    for (requests += done; done > 0; done--)
        if (send(fd, reply, reply_size, MSG_NOSIGNAL) != (ssize_t)reply_size) {
            drop(fd); /* a peer that does not read its replies */
            return;
        }
}

static void welcome(int poll, int listener)
{
    int fd, on = 1;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
        struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
        if (fd >= CONNECTIONS || !(connections[fd] = calloc(1, sizeof **connections))) {
            close(fd);
            continue;
        }
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        epoll_ctl(poll, EPOLL_CTL_ADD, fd, &event);
    }
}

static void answer_parent(void)
{
    char line[64];
    if (read(STDIN_FILENO, line, sizeof line) <= 0)
        exit(0);
    printf("%lu\n", requests);
    fflush(stdout);
}

int main(int argc, char **argv)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    struct rlimit files;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), poll = epoll_create1(0);
    struct epoll_event events[EVENTS], event = {.events = EPOLLIN, .data.fd = listener};

    if (argc != 2)
        return 2;
    reply = argv[1], reply_size = strlen(reply);
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    if (bind(listener, (struct sockaddr *)&address, length) || listen(listener, 4096))
        return 1;
    getsockname(listener, (struct sockaddr *)&address, &length);
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
    epoll_ctl(poll, EPOLL_CTL_ADD, listener, &event);
    event.data.fd = STDIN_FILENO;
    epoll_ctl(poll, EPOLL_CTL_ADD, STDIN_FILENO, &event);
    for (;;) {
        int ready = epoll_wait(poll, events, EVENTS, -1);
        for (int i = 0; i < ready; i++) {
            int fd = events[i].data.fd;
            if (fd == listener)
                welcome(poll, listener);
            else if (fd == STDIN_FILENO)
                answer_parent();
            else
                serve(fd);
        }
    }
}
