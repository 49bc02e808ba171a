#include "sluice/aws/http.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <future>
#include <memory>
#include <mutex>
#include <set>

#include "sluice/aws/test_certificate.hpp"
#include "sluice/aws/test_server.hpp"

namespace sluice::aws {
namespace {

using std::chrono::milliseconds;

// Answers every connection with the same bytes and closes it; without bytes it only listens.
class RawServer {
 public:
  explicit RawServer(std::string answer) : answer_(std::move(answer)), listener_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* any = reinterpret_cast<sockaddr*>(&address);
    EXPECT_EQ(bind(listener_, any, size), 0);
    EXPECT_EQ(listen(listener_, 16), 0);
    EXPECT_EQ(getsockname(listener_, any, &size), 0);
    port_ = ntohs(address.sin_port);
    if (!answer_.empty()) thread_ = std::thread([this] { serve(); });
  }
  ~RawServer() {
    shutdown(listener_, SHUT_RDWR);
    if (thread_.joinable()) thread_.join();
    close(listener_);
  }
  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_) + "/"; }

 private:
  void serve() {
    for (int client = 0; (client = accept(listener_, nullptr, nullptr)) >= 0; close(client)) {
      std::string seen;
      char bytes[4096];
      while (seen.find("\r\n\r\n") == std::string::npos) {
        const ssize_t count = recv(client, bytes, sizeof bytes, 0);
        if (count <= 0) break;
        seen.append(bytes, static_cast<std::size_t>(count));
      }
      send(client, answer_.data(), answer_.size(), MSG_NOSIGNAL);
    }
  }
  std::string answer_;
  int listener_;
  int port_ = 0;
  std::thread thread_;
};

Request get(std::string url) { return {.method = "GET", .url = std::move(url)}; }

TEST(http, a_call_carries_its_method_headers_and_body) {
  TestServer server;
  const auto echo = [](const httplib::Request& request, httplib::Response& response) {
    response.set_header("X-Method", request.method);
    response.set_header("X-Seen", request.get_header_value("X-Sent"));
    response.set_header("X-Extra", request.get_header_value("Expect") + request.get_header_value("Accept"));
    response.set_content(request.body, request.get_header_value("Content-Type"));
    response.status = 207;
  };
  server.on.Post("/.*", echo).Put("/.*", echo).Get("/.*", echo).Delete("/.*", echo);
  server.start();
  Http http;
  // The easy handle is the same each time: nothing of the last call may stay behind.
  const std::string large(3'000'000, 'x');
  for (const auto& [method, body] : std::vector<std::pair<std::string, std::string>>{{"POST", "{}"},
                                                                                     {"GET", ""},
                                                                                     {"PUT", large},
                                                                                     {"DELETE", ""},
                                                                                     {"POST", ""},
                                                                                     {"PUT", ""},
                                                                                     {"HEAD", ""},
                                                                                     {"GET", ""}}) {
    auto answer = http.call({.method = method,
                             .url = server.url("/q"),
                             .headers = {{"X-Sent", "yes " + method}, {"Content-Type", "a/b"}},
                             .body = body});
    ASSERT_TRUE(answer) << answer.error().text();
    EXPECT_EQ(answer->status, 207);
    EXPECT_EQ(answer->header("x-method"), method);
    EXPECT_EQ(answer->header("x-seen"), "yes " + method);
    EXPECT_EQ(answer->header("x-extra"), "");
    EXPECT_EQ(answer->body, body);
    EXPECT_EQ(answer->header("absent"), "");
  }
  EXPECT_EQ(http.under_way(), 0U);
}

TEST(http, a_path_goes_out_as_it_is_written) {
  TestServer server;
  server.on.Get(".*", [](const httplib::Request& request, httplib::Response& response) {
    response.set_content(request.target, "text/plain");
  });
  server.start();
  Http http;
  for (const char* path : {"/a/../b//c/./", "/a%2Fb%20c?x=%2B&y", "/%E2%82%AC"}) {
    auto answer = http.call(get(server.url(path)));
    ASSERT_TRUE(answer) << answer.error().text();
    EXPECT_EQ(answer->body, path);
  }
}

TEST(http, calls_share_connections) {
  TestServer server;
  std::mutex mutex;
  std::set<int> ports;
  server.on.Get("/", [&](const httplib::Request& request, httplib::Response&) {
    const std::lock_guard lock(mutex);
    ports.insert(request.remote_port);
  });
  server.start();
  Http http;
  for (int call = 0; call < 20; ++call) ASSERT_TRUE(http.call(get(server.url("/"))));
  EXPECT_EQ(ports.size(), 1U);
}

TEST(http, a_kept_connection_that_the_server_has_closed_is_replaced) {
  const RawServer server("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}");
  Http http;
  for (int call = 0; call < 20; ++call) {
    auto answer = http.call({.url = server.url(), .body = "{}"});
    ASSERT_TRUE(answer) << answer.error().text();
    EXPECT_EQ(answer->body, "{}");
  }
}

TEST(http, many_calls_go_on_at_once_and_may_start_more) {
  TestServer server;
  server.on.Get("/", [](const httplib::Request& request, httplib::Response& response) {
    response.set_content(request.get_param_value("n"), "text/plain");
  });
  server.start();
  Http http;
  int started = 0;
  int ended = 0;
  std::function<void()> next = [&] {
    const std::string number = std::to_string(++started);
    http.start(get(server.url("/?n=" + number)), [&, number](Result<Response> answer) {
      ASSERT_TRUE(answer) << answer.error().text();
      EXPECT_EQ(answer->body, number);
      ++ended;
      if (started < 200) next();
    });
  };
  // As many as the server has threads: it keeps a thread a connection.
  for (int call = 0; call < 4; ++call) next();
  // One waits for its own answer, while the others go on.
  auto answer = http.call(get(server.url("/?n=own")));
  ASSERT_TRUE(answer) << answer.error().text();
  EXPECT_EQ(answer->body, "own");
  while (ended < 200) http.work(milliseconds(1000));
  EXPECT_EQ(http.under_way(), 0U);
}

TEST(http, a_refused_connection_names_the_place_and_the_reason) {
  std::string url;
  { url = RawServer("").url(); }
  Http http;
  auto answer = http.call(get(url + "path?X-Amz-Signature=secret"));
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().fault, Fault::transient);
  url.pop_back();
  EXPECT_EQ(answer.error().message, "cannot connect to " + url + ": Connection refused");
  EXPECT_FALSE(answer.error().hint.empty());
}

TEST(http, a_broken_answer_is_an_error_that_may_be_retried) {
  for (const char* bytes :
       {"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"Mess", "HTTP/1.1 200 OK\r\nContent-Le",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc", "SSH-2.0-OpenSSH_9.2\r\n", "\r\n"}) {
    const RawServer server(bytes);
    Http http;
    auto answer = http.call(get(server.url() + "?secret"));
    ASSERT_FALSE(answer) << bytes;
    EXPECT_EQ(answer.error().fault, Fault::transient) << answer.error().text();
    EXPECT_NE(answer.error().message.find("http://127.0.0.1:"), std::string::npos) << answer.error().text();
    EXPECT_EQ(answer.error().text().find("Mess"), std::string::npos);
    EXPECT_EQ(answer.error().text().find("secret"), std::string::npos);
  }
}

TEST(http, no_answer_ends_at_the_time_out) {
  const RawServer server("");
  Http http;
  Request request = get(server.url());
  request.timeout = milliseconds(50);
  auto answer = http.call(std::move(request));
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().fault, Fault::transient);
  EXPECT_NE(answer.error().message.find("within 50 ms"), std::string::npos) << answer.error().text();
}

TEST(http, no_answer_on_a_kept_connection_is_told_from_no_connection) {
  std::promise<void> end;
  const auto ended = end.get_future().share();
  TestServer server;
  server.on.Get("/", [](const httplib::Request&, httplib::Response&) {});
  server.on.Get("/hang", [ended](const httplib::Request&, httplib::Response&) { ended.wait(); });
  server.start();
  Http http;
  ASSERT_TRUE(http.call(get(server.url("/"))));
  Request request = get(server.url("/hang"));
  request.timeout = milliseconds(50);
  auto answer = http.call(std::move(request));
  end.set_value();
  ASSERT_FALSE(answer);
  EXPECT_NE(answer.error().message.find("no whole answer"), std::string::npos) << answer.error().text();
}

TEST(http, an_answer_over_the_limit_is_cut_off) {
  const RawServer known("HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n" + std::string(1001, 'x'));
  const RawServer unknown("HTTP/1.1 200 OK\r\n\r\n" + std::string(1001, 'x'));
  const RawServer headers("HTTP/1.1 200 OK\r\n" + std::string(90000, 'x') + ": y\r\n" + std::string(90000, 'x') +
                          ": y\r\n" + std::string(90000, 'x') + ": y\r\n\r\n");
  const RawServer liar("HTTP/1.1 200 OK\r\nContent-Length: 99999999999999\r\n\r\nx");
  Http http({.body_bytes_max = 1000});
  for (const RawServer* server : {&known, &unknown, &headers}) {
    auto answer = http.call(get(server->url()));
    ASSERT_FALSE(answer);
    EXPECT_NE(answer.error().message.find("too large"), std::string::npos) << answer.error().text();
  }
  EXPECT_FALSE(http.call(get(liar.url())));
}

TEST(http, a_redirect_is_an_answer_like_any_other) {
  const RawServer server(
      "HTTP/1.1 307 Temporary Redirect\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n");
  Http http;
  auto answer = http.call(get(server.url()));
  ASSERT_TRUE(answer) << answer.error().text();
  EXPECT_EQ(answer->status, 307);
  EXPECT_EQ(answer->header("location"), "http://127.0.0.1:1/");
}

TEST(http, plain_http_leaves_the_machine_only_when_told_to) {
  Http http;
  for (const char* url : {"http://10.0.0.1/", "http://169.254.169.254/", "http://sqs.us-east-1.amazonaws.com/",
                          "http://localhost.example.com/", "ftp://127.0.0.1/", "http://user@127.0.0.1/", "nonsense"}) {
    bool called = false;
    http.start(get(url), [&](Result<Response> answer) {
      called = true;
      ASSERT_FALSE(answer) << url;
      EXPECT_EQ(answer.error().fault, Fault::config) << url;
    });
    EXPECT_FALSE(called) << "done runs inside work()";
    http.work(milliseconds(0));
    EXPECT_TRUE(called);
  }
  // 0.0.0.0 reaches this machine, but is no loopback address.
  const RawServer server("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  std::string url = server.url();
  url.replace(url.find("127.0.0.1"), 9, "0.0.0.0");
  EXPECT_FALSE(http.call(get(url)));
  Http insecure({.insecure = true});
  EXPECT_TRUE(insecure.call(get(url)));
}

TEST(http, a_header_cannot_smuggle_another_one) {
  Http http;
  for (const auto& [name, value] :
       Headers{{"X-A", "b\r\nX-C: d"}, {"X-A\r\nX-C", "d"}, {"X-A", std::string("b\0c", 3)}, {"", "x"}}) {
    auto answer = http.call({.url = "http://127.0.0.1:1/", .headers = {{name, value}}});
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().fault, Fault::config);
    EXPECT_EQ(answer.error().text().find("X-C"), std::string::npos);
  }
}

TEST(http, work_ends_when_another_thread_wakes_it) {
  Http http;
  std::thread other([&] { http.wake(); });
  http.work(std::chrono::hours(1));
  other.join();
  http.wake();  // and a wake that came before
  http.work(std::chrono::hours(1));
}

TEST(http, work_comes_back_after_the_time_it_was_given) {
  const RawServer server("");
  Http http;
  http.start(get(server.url()), [](Result<Response>) { FAIL() << "there was no answer"; });
  const auto start = std::chrono::steady_clock::now();
  http.work(milliseconds(30));
  EXPECT_GE(std::chrono::steady_clock::now() - start, milliseconds(30));
  EXPECT_EQ(http.under_way(), 1U);
}

TEST(http, only_a_trusted_certificate_will_do) {
  const Certificate certificate;
  TestServer<httplib::SSLServer> server(certificate.x509.get(), certificate.key.get());
  server.on.Get("/",
                [](const httplib::Request&, httplib::Response& response) { response.set_content("in", "text/plain"); });
  server.start();
  const std::string port = std::to_string(server.port());

  Http strict;
  auto answer = strict.call(get("https://127.0.0.1:" + port + "/"));
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().fault, Fault::denied);
  EXPECT_NE(answer.error().text().find("AWS_CA_BUNDLE"), std::string::npos) << answer.error().text();

  const std::string file = testing::TempDir() + "/sluice_http_test_" + std::to_string(getpid()) + ".pem";
  certificate.write(file);
  Http trusting({.ca_bundle = file});
  answer = trusting.call(get("https://127.0.0.1:" + port + "/"));
  ASSERT_TRUE(answer) << answer.error().text();
  EXPECT_EQ(answer->body, "in");
  EXPECT_FALSE(trusting.call(get("https://localhost:" + port + "/"))) << "the certificate is for 127.0.0.1 alone";
  std::filesystem::remove(file);

  Http lost({.ca_bundle = file});
  answer = lost.call(get("https://127.0.0.1:" + port + "/"));
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().fault, Fault::config) << answer.error().text();
}

}  // namespace
}  // namespace sluice::aws
