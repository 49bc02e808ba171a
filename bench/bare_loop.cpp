// The ceiling of a queue server: receive 10, delete 10, nothing else, by blocking threads.
// bare_loop PORT QUEUE THREADS prints how many messages it deleted and the seconds it took.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace {

class Client {
 public:
  explicit Client(int port) : fd_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int yes = 1;
    setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    connected_ = connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  }
  ~Client() { close(fd_); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // The body of the answer, good until the next call; empty when the server has gone.
  std::string_view call(std::string_view action, std::string_view body) {
    std::string request =
        "POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/x-amz-json-1.0\r\nX-Amz-Target: AmazonSQS.";
    request.append(action)
        .append("\r\nContent-Length: ")
        .append(std::to_string(body.size()))
        .append("\r\n\r\n")
        .append(body);
    if (!connected_ || send(fd_, request.data(), request.size(), MSG_NOSIGNAL) < 0) return {};
    answer_.clear();
    while (true) {
      char piece[16384];
      const ssize_t count = recv(fd_, piece, sizeof piece, 0);
      if (count <= 0) return {};
      answer_.append(piece, static_cast<std::size_t>(count));
      const std::size_t head = answer_.find("\r\n\r\n");
      if (head == std::string::npos) continue;
      const std::size_t length = answer_.find("Content-Length: ");
      const std::size_t size = std::strtoul(answer_.c_str() + length + 16, nullptr, 10);
      if (answer_.size() >= head + 4 + size) return std::string_view(answer_).substr(head + 4);
    }
  }

 private:
  int fd_;
  bool connected_ = false;
  std::string answer_;
};

void drain(int port, const std::string& queue, std::atomic<std::uint64_t>& deleted) {
  constexpr std::string_view mark = "\"ReceiptHandle\":\"";
  const std::string url = "{\"QueueUrl\":\"http://127.0.0.1/000000000000/" + queue + "\"";
  const std::string receive = url + ",\"MaxNumberOfMessages\":10,\"AttributeNames\":[\"All\"]}";
  Client client(port);
  while (true) {
    const std::string_view answer = client.call("ReceiveMessage", receive);
    std::string erase = url + ",\"Entries\":[";
    std::size_t count = 0;
    for (std::size_t at = answer.find(mark); at != std::string_view::npos; at = answer.find(mark, at)) {
      at += mark.size();
      if (count != 0) erase += ',';
      erase.append("{\"Id\":\"").append(std::to_string(count++)).append("\",\"ReceiptHandle\":\"");
      erase.append(answer.substr(at, answer.find('"', at) - at)).append("\"}");
    }
    if (count == 0) return;
    client.call("DeleteMessageBatch", erase + "]}");
    deleted += count;
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fputs("usage: bare_loop PORT QUEUE THREADS\n", stderr);
    return 2;
  }
  const int port = std::atoi(argv[1]);
  std::atomic<std::uint64_t> deleted{0};
  const auto start = std::chrono::steady_clock::now();
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < std::atoi(argv[3]); ++i) threads.emplace_back([&] { drain(port, argv[2], deleted); });
  }
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  std::printf("%llu %.3f\n", static_cast<unsigned long long>(deleted.load()), seconds);
  return 0;
}
