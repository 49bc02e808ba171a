#include "sluice/aws/credentials.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "sluice/aws/credentials_sources.hpp"
#include "sluice/aws/test_server.hpp"

extern char** environ;

namespace sluice::aws {
namespace {

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

constexpr std::string_view in_an_hour = "2026-11-21T01:00:00Z";

std::string json_of(std::string_view key, std::string_view expires = in_an_hour,
                    std::string_view token_name = "Token") {
  return R"({"Code":"Success","Version":1,"AccessKeyId":")" + std::string(key) + R"(","SecretAccessKey":"s3cr3t",")" +
         std::string(token_name) + R"(":"t0k3n","Expiration":")" + std::string(expires) + R"("})";
}

std::string xml_of(const std::string& action, const std::string& key) {
  return "<" + action + "Response xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><" + action +
         "Result><AssumedRoleUser><Arn>arn:aws:sts::1:assumed-role/r/s</Arn></"
         "AssumedRoleUser><Credentials><AccessKeyId>" +
         key +
         "</AccessKeyId><SecretAccessKey>s3cr3t/+=</SecretAccessKey><SessionToken>t0k3n</SessionToken><Expiration>" +
         std::string(in_an_hour) + "</Expiration></Credentials></" + action + "Result></" + action + "Response>";
}

// Nothing of the machine's own environment and home is seen.
class credentials : public testing::Test {
 protected:
  credentials() : folder_(fs::path(testing::TempDir()) / ("sluice_credentials_" + std::to_string(getpid()))) {
    fs::create_directories(folder_ / ".aws");
    for (char** at = environ; *at != nullptr; ++at) {
      const std::string_view entry(*at);
      const std::string name(entry.substr(0, entry.find('=')));
      if (name.starts_with("AWS_") || name == "HOME") kept_.emplace_back(name, entry.substr(entry.find('=') + 1));
    }
    clear();
    set("HOME", folder_.string());
    set("AWS_EC2_METADATA_DISABLED", "true");
  }
  ~credentials() override {
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

TEST_F(credentials, anonymous_looks_nowhere) { EXPECT_EQ(key({.anonymous = true}), "anonymous"); }

TEST_F(credentials, the_environment_comes_first) {
  credentials_file("[default]\naws_access_key_id=FILE\naws_secret_access_key=s3cr3t\n");
  EXPECT_EQ(key(), "FILE");
  set("AWS_ACCESS_KEY_ID", "AKIDENV");
  set("AWS_SECRET_ACCESS_KEY", "s3cr3t");
  set("AWS_SESSION_TOKEN", "t0k3n");
  const auto found = get();
  ASSERT_TRUE(found && *found);
  EXPECT_EQ((*found)->key_id, "AKIDENV");
  EXPECT_EQ((*found)->secret, "s3cr3t");
  EXPECT_EQ((*found)->token, "t0k3n");
  EXPECT_EQ(where, "environment (AWS_ACCESS_KEY_ID)");
}

TEST_F(credentials, half_a_pair_is_an_error_that_names_the_other_half) {
  set("AWS_ACCESS_KEY_ID", "AKID");
  EXPECT_TRUE(holds(error(), "AWS_SECRET_ACCESS_KEY is not set"));
  EXPECT_EQ(fault, Fault::denied);
  unsetenv("AWS_ACCESS_KEY_ID");
  set("AWS_SECRET_ACCESS_KEY", "s3cr3t");
  EXPECT_TRUE(holds(error(), "AWS_ACCESS_KEY_ID is not set"));
}

TEST_F(credentials, a_line_break_copied_along_is_an_error) {
  set("AWS_ACCESS_KEY_ID", "AKID");
  set("AWS_SECRET_ACCESS_KEY", "s3cr3t\n");
  EXPECT_TRUE(holds(error(), "line break"));
}

TEST_F(credentials, renamed_variables_are_the_only_ones_looked_at) {
  set("AWS_ACCESS_KEY_ID", "AKIDENV");
  set("AWS_SECRET_ACCESS_KEY", "s3cr3t");
  set("AWS_SESSION_TOKEN", "t0k3n");
  const CredentialsOptions options{.access_key_id_env = "MY_KEY", .secret_access_key_env = "MY_SECRET"};
  EXPECT_TRUE(holds(error(options), "MY_KEY is not set"));
  set("MY_KEY", "MINE");
  set("MY_SECRET", "s3cr3t");
  const auto found = get(options);
  ASSERT_TRUE(found && *found);
  EXPECT_EQ((*found)->key_id, "MINE");
  EXPECT_EQ((*found)->token, "") << "the usual token belongs to another key";
}

TEST_F(credentials, profiles_are_read_from_both_files) {
  config_file(
      "[default]\nregion = eu-west-1\n\n[profile logs]\naws_access_key_id = CONFIG\naws_secret_access_key = s3cr3t\n"
      "[profile \"with space\"]\naws_access_key_id = SPACE\naws_secret_access_key = s3cr3t\n");
  credentials_file("[logs]\naws_access_key_id = LOGS\naws_secret_access_key = s3cr3t\n");
  EXPECT_EQ(key({.profile = "logs"}), "LOGS") << "the credentials file is the stronger one";
  EXPECT_EQ(key({.profile = "with space"}), "SPACE");
  set("AWS_PROFILE", "logs");
  EXPECT_EQ(key(), "LOGS");
  EXPECT_TRUE(where.starts_with("profile logs in ")) << where;
  set("AWS_ACCESS_KEY_ID", "AKIDENV");
  set("AWS_SECRET_ACCESS_KEY", "s3cr3t");
  EXPECT_EQ(key(), "AKIDENV");
  EXPECT_EQ(key({.profile = "logs"}), "LOGS") << "a profile named on the connection beats the environment";
}

TEST_F(credentials, the_files_may_stand_elsewhere) {
  set("AWS_SHARED_CREDENTIALS_FILE", file("one", "[default]\naws_access_key_id=ONE\naws_secret_access_key=s3cr3t\n"));
  set("AWS_CONFIG_FILE", file("two", "[profile x]\naws_access_key_id=TWO\naws_secret_access_key=s3cr3t\nregion=x-1\n"));
  EXPECT_EQ(key(), "ONE");
  EXPECT_EQ(key({.profile = "x"}), "TWO");
  EXPECT_EQ(region_from_environment("x"), "x-1");
}

TEST_F(credentials, a_profile_that_is_not_there_is_an_error) {
  EXPECT_TRUE(holds(error({.profile = "logs"}), "no profile 'logs'"));
  set("AWS_PROFILE", "other");
  EXPECT_TRUE(holds(error(), "no profile 'other'"));
}

TEST_F(credentials, files_are_read_as_people_write_them) {
  credentials_file(
      "\xEF\xBB\xBF# a comment\r\n; another\r\n[default] # the usual\r\n  AWS_Access_Key_Id = AKID ; old\r\n"
      "  aws_secret_access_key=s3cr3t#=/+\r\n");
  config_file(
      "[default]\ns3 =\n  max_concurrent_requests = 20\n  not a pair\nregion = eu-west-1\n[services x]\na = b\n");
  const auto found = get();
  ASSERT_TRUE(found && *found) << found.error().text();
  EXPECT_EQ((*found)->key_id, "AKID");
  EXPECT_EQ((*found)->secret, "s3cr3t#=/+");
  EXPECT_EQ(region_from_environment(""), "eu-west-1");
}

TEST_F(credentials, a_broken_file_is_named_with_its_line_and_without_its_text) {
  for (const char* text :
       {"[default]\nSECRET\n", "[default\nSECRET", "x = s3cr3t\n[default]\n", "[default]\n= s3cr3t\n"}) {
    credentials_file(text);
    EXPECT_TRUE(holds(error(), ".aws/credentials:")) << error();
    EXPECT_EQ(fault, Fault::config);
  }
  credentials_file("[default]\naws_access_key_id = AKID\n");
  EXPECT_TRUE(holds(error(), "without its secret"));
  credentials_file(std::string(2 << 20, 'x'));
  EXPECT_TRUE(holds(error(), "larger than 1 MiB"));
  set("AWS_SHARED_CREDENTIALS_FILE", testing::TempDir());
  EXPECT_TRUE(holds(error(), "Is a directory"));
}

TEST_F(credentials, a_process_may_give_them) {
  const auto with = [&](const std::string& command) {
    credentials_file("[default]\ncredential_process = " + command + "\n");
  };
  with("cat " + file("out", json_of("PROCESS", in_an_hour, "SessionToken")));
  const auto found = get();
  ASSERT_TRUE(found && *found) << found.error().text();
  EXPECT_EQ((*found)->key_id, "PROCESS");
  EXPECT_EQ((*found)->token, "t0k3n");
  EXPECT_EQ(where, "credential_process of profile default");
  with("echo s3cr3t; exit 3");
  EXPECT_TRUE(holds(error(), "exit code 3"));
  with("echo '{\"Version\":2,\"AccessKeyId\":\"s3cr3t\"}'");
  EXPECT_TRUE(holds(error(), "Version 1"));
  with("echo s3cr3t");
  EXPECT_TRUE(holds(error(), "Version 1"));
  with("head -c 100000 /dev/zero");
  EXPECT_TRUE(holds(error(), "more than 64 KiB"));
  const auto slow = run_process("sleep 1000", seconds(0));
  ASSERT_FALSE(slow);
  EXPECT_TRUE(holds(slow.error().text(), "in time"));
}

TEST_F(credentials, single_sign_on_names_the_alternative) {
  config_file("[default]\nsso_session = corp\nsso_account_id = 1\nsso_role_name = r\n");
  EXPECT_TRUE(holds(error(), "aws configure export-credentials"));
}

// Ends each connection at once: a server waits for its open ones before it goes.
class ShortServer : public TestServer<> {
 public:
  ShortServer() { on.set_keep_alive_max_count(1); }
};

class Sts {
 public:
  ShortServer server;
  std::vector<httplib::Request> seen;
  int status = 200;
  std::string body;

  Sts() {
    server.on.Post("/", [this](const httplib::Request& request, httplib::Response& response) {
      seen.push_back(request);
      response.status = status;
      const std::string action = request.get_param_value("Action");
      response.set_content(body.empty() ? xml_of(action, "STS" + std::to_string(seen.size())) : body, "text/xml");
    });
    server.start();
  }
};

TEST_F(credentials, a_role_is_taken_on_with_the_keys_of_another_profile) {
  Sts sts;
  set("AWS_ENDPOINT_URL_STS", sts.server.url());
  credentials_file("[base]\naws_access_key_id = BASE\naws_secret_access_key = s3cr3t\n");
  config_file(
      "[profile one]\nregion = us-west-2\nrole_arn = arn:aws:iam::1:role/one\nsource_profile = base\n"
      "external_id = a b\nrole_session_name = me\nduration_seconds = 900\n"
      "[profile two]\nrole_arn = arn:aws:iam::1:role/two\nsource_profile = one\n");
  EXPECT_EQ(key({.profile = "one"}), "STS1");
  ASSERT_EQ(sts.seen.size(), 1U);
  const auto& request = sts.seen[0];
  EXPECT_TRUE(holds(request.get_header_value("Authorization"), "Credential=BASE/20261121/us-west-2/sts/aws4_request"));
  EXPECT_EQ(request.get_param_value("RoleArn"), "arn:aws:iam::1:role/one");
  EXPECT_EQ(request.get_param_value("ExternalId"), "a b");
  EXPECT_EQ(request.get_param_value("RoleSessionName"), "me");
  EXPECT_EQ(request.get_param_value("DurationSeconds"), "900");
  EXPECT_EQ(where, "role arn:aws:iam::1:role/one of profile one");

  // A role that is taken on by a role.
  sts.seen.clear();
  EXPECT_EQ(key({.profile = "two"}), "STS2");
  ASSERT_EQ(sts.seen.size(), 2U);
  EXPECT_TRUE(holds(sts.seen[1].get_header_value("Authorization"), "Credential=STS1/"));
  EXPECT_EQ(sts.seen[1].get_header_value("X-Amz-Security-Token"), "t0k3n");
  EXPECT_EQ(sts.seen[1].get_param_value("RoleArn"), "arn:aws:iam::1:role/two");
}

TEST_F(credentials, a_role_may_have_its_own_profile_or_a_named_source) {
  Sts sts;
  set("AWS_ENDPOINT_URL_STS", sts.server.url());
  config_file(
      "[profile self]\nrole_arn = arn:r\nsource_profile = self\naws_access_key_id = SELF\naws_secret_access_key = "
      "s3cr3t\n"
      "[profile env]\nrole_arn = arn:r\ncredential_source = Environment\n");
  EXPECT_EQ(key({.profile = "self"}), "STS1");
  EXPECT_TRUE(holds(sts.seen[0].get_header_value("Authorization"), "Credential=SELF/"));
  EXPECT_TRUE(holds(error({.profile = "env"}), "AWS_ACCESS_KEY_ID is not set"));
  set("AWS_ACCESS_KEY_ID", "AKIDENV");
  set("AWS_SECRET_ACCESS_KEY", "s3cr3t");
  EXPECT_EQ(key({.profile = "env"}), "STS2");
  EXPECT_TRUE(holds(sts.seen[1].get_header_value("Authorization"), "Credential=AKIDENV/"));
}

TEST_F(credentials, a_role_that_cannot_be_taken_on_says_why) {
  config_file(
      "[profile a]\nrole_arn = arn:a\nsource_profile = b\n[profile b]\nrole_arn = arn:b\nsource_profile = a\n"
      "[profile lost]\nrole_arn = arn:c\nsource_profile = nobody\n"
      "[profile none]\nrole_arn = arn:d\n"
      "[profile both]\nrole_arn = arn:d\nsource_profile = a\ncredential_source = Environment\n"
      "[profile odd]\nrole_arn = arn:d\ncredential_source = Elsewhere\n"
      "[profile mfa]\nrole_arn = arn:d\nsource_profile = a\nmfa_serial = arn:mfa\n"
      "[profile long]\nrole_arn = arn:d\nsource_profile = a\nduration_seconds = forever\n");
  EXPECT_TRUE(holds(error({.profile = "a"}), "circle"));
  EXPECT_TRUE(holds(error({.profile = "lost"}), "no profile 'nobody'"));
  EXPECT_TRUE(holds(error({.profile = "none"}), "one of source_profile"));
  EXPECT_TRUE(holds(error({.profile = "both"}), "one of source_profile"));
  EXPECT_TRUE(holds(error({.profile = "odd"}), "Ec2InstanceMetadata"));
  EXPECT_TRUE(holds(error({.profile = "mfa"}), "mfa_serial"));
  EXPECT_TRUE(holds(error({.profile = "long"}), "duration_seconds"));
}

TEST_F(credentials, a_web_identity_token_is_changed_for_a_role) {
  Sts sts;
  set("AWS_ENDPOINT_URL_STS", sts.server.url("/"));
  set("AWS_WEB_IDENTITY_TOKEN_FILE", file("token", "t0k3n.of.the.provider/+=\n"));
  EXPECT_TRUE(holds(error(), "AWS_ROLE_ARN"));
  set("AWS_ROLE_ARN", "arn:aws:iam::1:role/pod");
  EXPECT_EQ(key(), "STS1");
  EXPECT_EQ(where, "web identity, role arn:aws:iam::1:role/pod");
  ASSERT_EQ(sts.seen.size(), 1U);
  EXPECT_EQ(sts.seen[0].get_param_value("WebIdentityToken"), "t0k3n.of.the.provider/+=");
  EXPECT_TRUE(sts.seen[0].get_param_value("RoleSessionName").starts_with("sluice-"));
  EXPECT_FALSE(sts.seen[0].has_header("Authorization")) << "the token is the proof";

  sts.status = 403;
  sts.body =
      "<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>Not authorized to perform "
      "sts:AssumeRoleWithWebIdentity</Message></Error><RequestId>1</RequestId></ErrorResponse>";
  EXPECT_TRUE(holds(error(), "AccessDenied: Not authorized to perform")) << error();
  EXPECT_EQ(fault, Fault::denied);
  sts.body =
      "<ErrorResponse><Error><Code>InvalidIdentityToken</Code><Message>bad: t0k3n.of.the.provider/+=</Message>"
      "</Error></ErrorResponse>";
  EXPECT_TRUE(holds(error(), "left out")) << error();
  sts.body = "<ErrorResponse><Error><Code>IDPCommunicationError</Code></Error></ErrorResponse>";
  error();
  EXPECT_EQ(fault, Fault::transient);
  sts.status = 503;
  sts.body = "s3cr3t nonsense";
  error();
  EXPECT_EQ(fault, Fault::transient);

  sts.status = 200;
  const std::string whole = xml_of("AssumeRoleWithWebIdentity", "STS");
  for (std::size_t length = 1; length < whole.size(); length += 7) {
    sts.body = whole.substr(0, length);
    EXPECT_NE(error(), "no error") << sts.body;
  }
  set("AWS_WEB_IDENTITY_TOKEN_FILE", file("empty", "\n"));
  EXPECT_TRUE(holds(error(), "is empty"));
  set("AWS_WEB_IDENTITY_TOKEN_FILE", "/nowhere/token");
  EXPECT_TRUE(holds(error(), "No such file"));
}

TEST_F(credentials, a_containers_agent_is_asked_with_its_token) {
  ShortServer server;
  std::string authorization;
  int status = 200;
  std::string body = json_of("CONTAINER");
  server.on.Get("/v2/credentials/x", [&](const httplib::Request& request, httplib::Response& response) {
    authorization = request.get_header_value("Authorization");
    response.status = status;
    response.set_content(body, "application/json");
  });
  server.start();
  set("AWS_CONTAINER_CREDENTIALS_FULL_URI", server.url("/v2/credentials/x"));
  set("AWS_CONTAINER_AUTHORIZATION_TOKEN", "plain");
  EXPECT_EQ(key(), "CONTAINER");
  EXPECT_EQ(authorization, "plain");
  EXPECT_EQ(where, "container credentials at " + server.url());
  set("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", file("token", "from-a-file\n"));
  EXPECT_EQ(key(), "CONTAINER");
  EXPECT_EQ(authorization, "from-a-file");
  set("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", file("token", "t0k3n\r\nX: y"));
  EXPECT_TRUE(holds(error(), "line break"));
  unsetenv("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");

  // ECS gives a path only; its host is fixed.
  set("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/v2/credentials/x");
  Surroundings around{.http = http, .clock = clock, .container_host = server.url()};
  auto sought = from_container(around);
  ASSERT_TRUE(sought && sought->credentials);
  EXPECT_EQ(sought->credentials->key_id, "CONTAINER");
  EXPECT_EQ(sought->credentials->expires, clock.time + std::chrono::hours(1));
  set("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "@evil.example.com/");
  EXPECT_FALSE(from_container(around));
  unsetenv("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");

  status = 404;
  EXPECT_TRUE(holds(error(), "answered 404"));
  EXPECT_EQ(fault, Fault::denied);
  status = 500;
  error();
  EXPECT_EQ(fault, Fault::transient);
  status = 200;
  const std::string whole = json_of("CONTAINER");
  for (std::size_t length = 0; length < whole.size(); ++length) {
    body = whole.substr(0, length);
    EXPECT_NE(error(), "no error") << body;
  }
  for (const char* wrong : {"[]", "null", "{}", R"({"AccessKeyId":1,"SecretAccessKey":"s3cr3t"})",
                            R"({"AccessKeyId":"A","SecretAccessKey":null})",
                            R"({"AccessKeyId":"A","SecretAccessKey":"s3cr3t","Expiration":"soon"})",
                            R"({"AccessKeyId":"A","SecretAccessKey":"s3cr3t","Token":["t0k3n"]})",
                            R"({"AccessKeyId":"A\nB: c","SecretAccessKey":"s3cr3t"})"}) {
    body = wrong;
    EXPECT_NE(error(), "no error") << wrong;
  }
  body = std::string(50000, '[');
  EXPECT_NE(error(), "no error");
  body = json_of("CONTAINER", "2026-11-20T23:59:59Z");
  EXPECT_TRUE(holds(error(), "clock")) << error();
}

TEST_F(credentials, a_containers_token_goes_to_no_other_host) {
  set("AWS_CONTAINER_AUTHORIZATION_TOKEN", "t0k3n");
  for (const char* url :
       {"http://10.0.0.1/", "http://169.254.169.254/", "http://169.254.170.3/", "http://localhost.example.com/",
        "http://127.0.0.1@example.com/", "ftp://localhost/", "nonsense"}) {
    set("AWS_CONTAINER_CREDENTIALS_FULL_URI", url);
    EXPECT_TRUE(holds(error(), "AWS_CONTAINER_CREDENTIALS_FULL_URI")) << url;
    EXPECT_EQ(fault, Fault::denied);
  }
}

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

TEST_F(credentials, an_instance_has_them_from_its_metadata_service) {
  Instance instance;
  EXPECT_EQ(key(), "INSTANCE");
  EXPECT_EQ(where, "instance metadata at " + instance.server.url() + ", role my-role");
  instance.role_status = 404;
  EXPECT_TRUE(holds(error(), "the instance has no role")) << error();
  EXPECT_EQ(fault, Fault::denied);
  instance.role_status = 500;
  error();
  EXPECT_EQ(fault, Fault::transient);
  instance.role_status = 200;
  instance.answer = R"({"Code":"AssumeRoleUnauthorizedAccess","Message":"x"})";
  EXPECT_TRUE(holds(error(), "trust policy"));
  instance.answer = "<html>s3cr3t";
  EXPECT_TRUE(holds(error(), "not a JSON object"));
  instance.token_status = 403;
  EXPECT_TRUE(holds(error(), "answered 403 when asked for a version 2 token"));
  set("AWS_EC2_METADATA_DISABLED", "TRUE");
  EXPECT_TRUE(holds(error(), "AWS_EC2_METADATA_DISABLED"));
}

TEST_F(credentials, nothing_found_names_every_place_and_what_to_set) {
  unsetenv("AWS_EC2_METADATA_DISABLED");
  {
    TestServer<> gone;
    gone.start();
    set("AWS_EC2_METADATA_SERVICE_ENDPOINT", gone.url());
  }
  const std::string text = error();
  for (const char* place : {"AWS_ACCESS_KEY_ID is not set", "no profile default in ", ".aws/credentials", ".aws/config",
                            "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
                            "no instance metadata at http://127.0.0.1", "Connection refused", "anonymous: true"}) {
    EXPECT_TRUE(holds(text, place)) << place << " | " << text;
  }
  EXPECT_EQ(fault, Fault::denied);
}

TEST_F(credentials, they_are_refreshed_five_minutes_before_they_expire) {
  Instance instance;
  CredentialsChain chain({}, http, clock);
  EXPECT_EQ(chain.get().value()->key_id, "INSTANCE");
  instance.answer = json_of("SECOND", "2026-11-21T02:00:00Z");
  clock.time += minutes(54);
  EXPECT_EQ(chain.get().value()->key_id, "INSTANCE");
  clock.time += minutes(1);
  EXPECT_EQ(chain.get().value()->key_id, "SECOND");

  // While a refresh fails, those at hand are good until their time is over.
  instance.token_status = 500;
  clock.time += minutes(62);
  EXPECT_EQ(chain.get().value()->key_id, "SECOND");
  clock.time += minutes(3);
  const auto late = chain.get();
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().fault, Fault::transient);
  instance.token_status = 200;
  instance.answer = json_of("THIRD", "2026-11-21T03:00:00Z");
  EXPECT_EQ(chain.get().value()->key_id, "THIRD");
}

TEST_F(credentials, forgotten_ones_are_looked_for_again_but_not_at_every_call) {
  Instance instance;
  CredentialsChain chain({}, http, clock);
  EXPECT_EQ(chain.get().value()->key_id, "INSTANCE");
  instance.answer = json_of("SECOND");
  clock.time += minutes(1);
  chain.forget();
  EXPECT_EQ(chain.get().value()->key_id, "SECOND");
  // Calls that were signed with the old ones fail a little later.
  instance.answer = json_of("THIRD");
  clock.time += seconds(1);
  chain.forget();
  EXPECT_EQ(chain.get().value()->key_id, "SECOND");
  clock.time += minutes(1);
  chain.forget();
  EXPECT_EQ(chain.get().value()->key_id, "THIRD");
}

TEST_F(credentials, region_and_endpoint_come_from_the_environment_or_the_profile) {
  EXPECT_EQ(region_from_environment(""), "");
  config_file("[default]\nregion = eu-west-1\n[profile x]\nregion = eu-west-2\nendpoint_url = http://localhost:1\n");
  EXPECT_EQ(region_from_environment(""), "eu-west-1");
  EXPECT_EQ(region_from_environment("x"), "eu-west-2");
  EXPECT_EQ(endpoint_from_environment("SQS", ""), "");
  EXPECT_EQ(endpoint_from_environment("SQS", "x"), "http://localhost:1");
  set("AWS_ENDPOINT_URL", "http://localhost:2");
  set("AWS_ENDPOINT_URL_SQS", "http://localhost:3");
  EXPECT_EQ(endpoint_from_environment("SQS", "x"), "http://localhost:3");
  EXPECT_EQ(endpoint_from_environment("S3", "x"), "http://localhost:2");
  set("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true");
  EXPECT_EQ(endpoint_from_environment("SQS", "x"), "");
  set("AWS_DEFAULT_REGION", "us-east-2");
  EXPECT_EQ(region_from_environment("x"), "us-east-2");
  set("AWS_REGION", "us-east-1");
  EXPECT_EQ(region_from_environment("x"), "us-east-1");
}

TEST_F(credentials, times_are_read_in_the_forms_that_servers_write) {
  const auto noon = std::chrono::sys_days(std::chrono::year(2026) / 11 / 21) + std::chrono::hours(12);
  for (const char* text : {"2026-11-21T12:00:00Z", "2026-11-21T12:00:00.123456Z", "2026-11-21T12:00:00+00:00",
                           "2026-11-21T14:30:00+02:30", "2026-11-21T07:00:00-05:00"}) {
    EXPECT_EQ(parse_time(text), noon) << text;
  }
  for (const char* text :
       {"", "2026-11-21", "2026-13-21T12:00:00Z", "2026-02-30T12:00:00Z", "2026-11-21T25:00:00Z", "2026-11-21T12:00:00",
        "2026-11-21T12:00:00+0000", "9999-01-01T00:00:00Z", "2026-11-2aT12:00:00Z"}) {
    EXPECT_FALSE(parse_time(text)) << text;
  }
}

}  // namespace
}  // namespace sluice::aws
