// For tests of credentials: an environment and a home folder of their own, and far ends to ask.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sluice/aws/credentials_sources.hpp"
#include "sluice/aws/test_server.hpp"

extern char** environ;

namespace sluice::aws {

namespace fs = std::filesystem;
using std::chrono::minutes;
using std::chrono::seconds;

class HeldClock final : public Clock {
 public:
  std::chrono::system_clock::time_point time = std::chrono::sys_days(std::chrono::year(2026) / 11 / 21);
  std::chrono::system_clock::time_point now() const override { return time; }
  std::chrono::steady_clock::time_point steady() const override { return {}; }
  void sleep(std::chrono::milliseconds) const override {}
};

inline constexpr std::string_view in_an_hour = "2026-11-21T01:00:00Z";

inline std::string json_of(std::string_view key, std::string_view expires = in_an_hour,
                           std::string_view token_name = "Token") {
  return R"({"Code":"Success","Version":1,"AccessKeyId":")" + std::string(key) + R"(","SecretAccessKey":"s3cr3t",")" +
         std::string(token_name) + R"(":"t0k3n","Expiration":")" + std::string(expires) + R"("})";
}

inline std::string xml_of(const std::string& action, const std::string& key) {
  return "<" + action + "Response xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><" + action +
         "Result><AssumedRoleUser><Arn>arn:aws:sts::1:assumed-role/r/s</Arn></"
         "AssumedRoleUser><Credentials><AccessKeyId>" +
         key +
         "</AccessKeyId><SecretAccessKey>s3cr3t/+=</SecretAccessKey><SessionToken>t0k3n</SessionToken><Expiration>" +
         std::string(in_an_hour) + "</Expiration></Credentials></" + action + "Result></" + action + "Response>";
}

// Nothing of the machine's own environment and home is seen.
class CredentialsTest : public testing::Test {
 protected:
  CredentialsTest() : folder_(fs::path(testing::TempDir()) / ("sluice_credentials_" + std::to_string(getpid()))) {
    fs::create_directories(folder_ / ".aws/sso/cache");
    for (char** at = environ; *at != nullptr; ++at) {
      const std::string_view entry(*at);
      const std::string name(entry.substr(0, entry.find('=')));
      if (name.starts_with("AWS_") || name == "HOME") kept_.emplace_back(name, entry.substr(entry.find('=') + 1));
    }
    clear();
    set("HOME", folder_.string());
    set("AWS_EC2_METADATA_DISABLED", "true");
  }
  ~CredentialsTest() override {
    clear();
    for (const auto& [name, value] : kept_) setenv(name.c_str(), value.c_str(), 1);
    fs::remove_all(folder_);
  }

  static void clear() {
    std::vector<std::string> names;
    for (char** at = environ; *at != nullptr; ++at) {
      const std::string_view entry(*at);
      if (entry.starts_with("AWS_") || entry.starts_with("MY_")) names.emplace_back(entry.substr(0, entry.find('=')));
    }
    for (const std::string& name : names) unsetenv(name.c_str());
  }
  static void set(const char* name, const std::string& value) { setenv(name, value.c_str(), 1); }
  std::string file(const std::string& name, const std::string& text) const {
    std::ofstream(folder_ / name, std::ios::binary) << text;
    return (folder_ / name).string();
  }
  void credentials_file(const std::string& text) const { file(".aws/credentials", text); }
  void config_file(const std::string& text) const { file(".aws/config", text); }

  Result<std::optional<Credentials>> get(CredentialsOptions options = {}) {
    CredentialsChain chain(std::move(options), http, clock);
    auto found = chain.get();
    where = chain.where();
    return found;
  }
  std::string key(CredentialsOptions options = {}) {
    const auto found = get(std::move(options));
    if (!found) return "error: " + found.error().text();
    return *found ? (*found)->key_id : "anonymous";
  }
  // The error's text, which must not hold a secret.
  std::string error(CredentialsOptions options = {}) {
    const auto found = get(std::move(options));
    if (found) return "no error";
    fault = found.error().fault;
    std::string text = found.error().text();
    for (const char* secret : {"s3cr3t", "t0k3n"}) EXPECT_EQ(text.find(secret), std::string::npos) << text;
    return text;
  }
  static bool holds(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

  Http http;
  HeldClock clock;
  std::string where;
  Fault fault = Fault::failed;

 private:
  fs::path folder_;
  std::vector<std::pair<std::string, std::string>> kept_;
};

// Ends each connection at once: a server waits for its open ones before it goes.
class ShortServer : public TestServer<> {
 public:
  ShortServer() { on.set_keep_alive_max_count(1); }
};

class Instance {
 public:
  ShortServer server;
  std::atomic<int> token_status{200};
  std::atomic<int> role_status{200};
  std::string answer = json_of("INSTANCE");

  Instance() {
    const auto has_token = [](const httplib::Request& request, httplib::Response& response) {
      if (request.get_header_value("X-aws-ec2-metadata-token") == "METADATA") return true;
      response.status = 401;
      return false;
    };
    const std::string roles = "/latest/meta-data/iam/security-credentials/";
    server.on.Put("/latest/api/token", [this](const httplib::Request& request, httplib::Response& response) {
      response.status = request.has_header("X-aws-ec2-metadata-token-ttl-seconds") ? token_status.load() : 400;
      response.set_content("METADATA", "text/plain");
    });
    server.on.Get(roles, [this, has_token](const httplib::Request& request, httplib::Response& response) {
      if (!has_token(request, response)) return;
      response.status = role_status;
      response.set_content("my-role\n", "text/plain");
    });
    server.on.Get(roles + "my-role", [this, has_token](const httplib::Request& request, httplib::Response& response) {
      if (has_token(request, response)) response.set_content(answer, "application/json");
    });
    server.start();
    unsetenv("AWS_EC2_METADATA_DISABLED");
    setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", server.url("/").c_str(), 1);
  }
};

}  // namespace sluice::aws
