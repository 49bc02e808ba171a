#include "sluice/aws/credentials.hpp"

#include "sluice/aws/credentials_fixture.hpp"
#include "sluice/aws/service_options.hpp"

namespace sluice::aws {
namespace {

using credentials = CredentialsTest;

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

TEST_F(credentials, a_region_that_is_nowhere_is_asked_where_it_could_stand) {
  const EndpointWanted wanted{.service = "KMS", .what = "alias/x"};
  EXPECT_EQ(read_endpoint({}, wanted).error().text(),
            "the region of alias/x is not known; set AWS_REGION, or name it by its ARN");
  Settings connection;
  connection.place = {"logins.yaml", 4, 12};
  EXPECT_EQ(read_endpoint(connection, wanted).error().text(),
            "logins.yaml:4:12: the region of alias/x is not known; set region: on the connection, or AWS_REGION");
  set("AWS_REGION", "EU West");
  EXPECT_EQ(read_endpoint({}, wanted).error().message, "the region of alias/x is no AWS region");
  set("AWS_REGION", "eu-west-1");
  set("AWS_ENDPOINT_URL_KMS", "http://kms.example");
  EXPECT_EQ(read_endpoint({}, wanted).error().text(),
            "the endpoint of alias/x is plain http to kms.example; use https in AWS_ENDPOINT_URL_KMS or "
            "AWS_ENDPOINT_URL");
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
