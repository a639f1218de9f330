// Names and addresses: those in figures, and those of names, which are invented.
#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

static void ask(const char *node, const char *service, int flags, int family, int type) {
  struct addrinfo hints, *info;
  memset(&hints, 0, sizeof hints);
  hints.ai_flags = flags;
  hints.ai_family = family;
  hints.ai_socktype = type;
  int error = getaddrinfo(node, service, &hints, &info);
  printf("%s %s: %d", node ? node : "-", service ? service : "-", error);
  if (!error) {
    char figures[100], name[100], port[20], few[5];
    struct sockaddr *address = info->ai_addr;
    int length = info->ai_addrlen;
    getnameinfo(address, length, figures, sizeof figures, port, sizeof port, NI_NUMERICHOST);
    printf(" %d %d %d %s %s", info->ai_family, info->ai_socktype, info->ai_protocol, figures, port);
    printf(" %d", getnameinfo(address, length, name, sizeof name, 0, 0, 0));
    printf(" %s", name);
    printf(" %d", getnameinfo(address, length, name, sizeof name, 0, 0, NI_NAMEREQD));
    printf(" %d", getnameinfo(address, length, few, sizeof few, 0, 0, 0));
    printf(" %d", getnameinfo(address, 3, name, sizeof name, 0, 0, 0));
    freeaddrinfo(info);
  }
  puts("");
}

int main(void) {
  ask("example.com", "80", 0, AF_UNSPEC, 0);
  ask("example.com", "443", 0, AF_INET, SOCK_STREAM);
  ask("example.org", 0, 0, AF_INET6, 0);
  ask("127.0.0.1", "8080x", AI_NUMERICHOST, AF_UNSPEC, SOCK_DGRAM);
  ask("2001:db8::5", "1", 0, AF_UNSPEC, 0);
  ask("1.2.3.4", "1", AI_V4MAPPED, AF_INET6, 0);
  ask("1.2.3.4", "1", 0, AF_INET6, 0);
  ask("2001:db8::5", "1", 0, AF_INET, 0);
  ask("name", "1", AI_NUMERICHOST, AF_UNSPEC, 0);
  ask(0, "99", AI_PASSIVE, AF_UNSPEC, 0);
  ask(0, 0, 0, AF_UNSPEC, 0);
  ask("x", "http", 0, AF_UNSPEC, 0);
  ask("x", "http", AI_NUMERICSERV, AF_UNSPEC, 0);
  ask("x", "1", 0x4000, AF_UNSPEC, 0);
  ask("x", "1", AI_ADDRCONFIG, AF_UNSPEC, 0);
  ask("x", "1", 0, 77, 0);
  ask("x", "1", 0, AF_UNSPEC, 9);

  struct hostent *host = gethostbyname("host.example");
  printf("%s %d %d %s %d\n", host->h_name, host->h_addrtype, host->h_length,
         inet_ntoa(*(struct in_addr *)host->h_addr_list[0]), host->h_aliases[0] == 0);
  puts(gethostbyaddr(host->h_addr_list[0], 4, AF_INET)->h_name);
  struct hostent other, *result;
  char buffer[200];
  int error;
  printf("%d ", gethostbyname_r("10.2.3.4", &other, buffer, sizeof buffer, &result, &error));
  printf("%s %d\n", inet_ntoa(*(struct in_addr *)other.h_addr_list[0]), result == &other);

  struct protoent *protocol = getprotobyname("tcp");
  printf("%s %d %s\n", protocol->p_name, protocol->p_proto, protocol->p_aliases[0]);
  printf("%s %d\n", getprotobynumber(17)->p_name, getprotobyname("none") == 0);
  setprotoent(1);
  while ((protocol = getprotoent())) puts(protocol->p_name);
  endprotoent();
}
