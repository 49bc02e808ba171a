// Credentials that someone else has to be asked for.
#include "sluice/aws/credentials_fixture.hpp"

namespace sluice::aws {
namespace {

using credentials_remote = CredentialsTest;

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

TEST_F(credentials_remote, a_role_is_taken_on_with_the_keys_of_another_profile) {
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

TEST_F(credentials_remote, a_role_may_have_its_own_profile_or_a_named_source) {
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

TEST_F(credentials_remote, a_role_that_cannot_be_taken_on_says_why) {
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

TEST_F(credentials_remote, a_web_identity_token_is_changed_for_a_role) {
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

TEST_F(credentials_remote, a_single_sign_on_login_is_changed_for_a_role) {
  ShortServer server;
  int status = 200;
  std::string body;
  std::string bearer;
  server.on.Get("/federation/credentials", [&](const httplib::Request& request, httplib::Response& response) {
    bearer = request.get_header_value("x-amz-sso_bearer_token");
    EXPECT_EQ(request.get_param_value("role_name"), "Reader");
    EXPECT_EQ(request.get_param_value("account_id"), "000000000001");
    response.status = status;
    response.set_content(body, "application/json");
  });
  server.start();
  set("AWS_ENDPOINT_URL_SSO", server.url());
  config_file(
      "[default]\nsso_session = corp\nsso_account_id = 000000000001\nsso_role_name = Reader\n"
      "[sso-session corp]\nsso_region = eu-west-1\nsso_start_url = https://corp.awsapps.com/start\n");
  EXPECT_TRUE(holds(error(), "aws sso login --profile default")) << error();

  // Of "corp": printf corp | sha1sum
  const std::string cache = ".aws/sso/cache/ee0bfd2552fbd840c02cc48b6e823320543c450f.json";
  const auto login = [&](std::string_view expires) {
    file(cache, R"({"accessToken":"t0k3n","expiresAt":")" + std::string(expires) + R"("})");
  };
  login("2026-11-20T00:00:00Z");
  EXPECT_TRUE(holds(error(), "login has expired"));
  login(in_an_hour);
  const std::string whole =
      R"({"roleCredentials":{"accessKeyId":"SSO","secretAccessKey":"s3cr3t","sessionToken":"t0k3n","expiration":1795222800000}})";
  body = whole;
  EXPECT_EQ(key(), "SSO");
  EXPECT_EQ(bearer, "t0k3n");
  EXPECT_EQ(where, "single sign-on of profile default, role Reader");
  for (std::size_t length = 0; length < whole.size(); length += 5) {
    body = whole.substr(0, length);
    EXPECT_NE(error(), "no error") << body;
  }
  status = 401;
  EXPECT_TRUE(holds(error(), "aws sso login"));
  status = 403;
  EXPECT_TRUE(holds(error(), "role Reader in account 000000000001"));
  for (const char* text : {"", "[]", R"({"accessToken":1})", R"({"accessToken":"t0k3n"})"}) {
    file(cache, text);
    EXPECT_TRUE(holds(error(), "cannot be read")) << text;
  }
  config_file("[default]\nsso_start_url = https://corp.awsapps.com/start\nsso_region = a.example.com/\n");
  EXPECT_TRUE(holds(error(), "in part"));
}

TEST_F(credentials_remote, a_containers_agent_is_asked_with_its_token) {
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

TEST_F(credentials_remote, a_containers_token_goes_to_no_other_host) {
  set("AWS_CONTAINER_AUTHORIZATION_TOKEN", "t0k3n");
  for (const char* url :
       {"http://10.0.0.1/", "http://169.254.169.254/", "http://169.254.170.3/", "http://localhost.example.com/",
        "http://127.0.0.1@example.com/", "ftp://localhost/", "nonsense"}) {
    set("AWS_CONTAINER_CREDENTIALS_FULL_URI", url);
    EXPECT_TRUE(holds(error(), "AWS_CONTAINER_CREDENTIALS_FULL_URI")) << url;
    EXPECT_EQ(fault, Fault::denied);
  }
}

TEST_F(credentials_remote, an_instance_has_them_from_its_metadata_service) {
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

}  // namespace
}  // namespace sluice::aws
