// An S3 client against a server that fails on demand: what is tried again, what is told, what is never guessed.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>

#include "sluice/aws/s3_store.hpp"
#include "sluice/aws/s3_writer.hpp"
#include "support/object_server.hpp"

namespace sluice {
namespace {

constexpr std::size_t mib = std::size_t{1} << 20U;
constexpr const char* signing = "AKIDEXAMPLE:secret";

std::string varied(std::size_t size) {
  std::string bytes(size, '\0');
  std::uint32_t state = 7;
  for (char& c : bytes) c = static_cast<char>((state = state * 1664525U + 1013904223U) >> 24U);
  return bytes;
}

class object_faults : public testing::Test {
 protected:
  void start(const std::vector<std::string>& arguments = {"--check-signature", signing}) {
    server_ = support::ObjectServer::start("lake", arguments);
    open();
  }
  void open(const std::function<void(aws::S3Options&)>& change = [](aws::S3Options&) {}) {
    setenv("SLUICE_TEST_KEY_ID", "AKIDEXAMPLE", 1);
    setenv("SLUICE_TEST_SECRET", "secret", 1);
    aws::S3Options options;
    options.connection = "lake";
    options.bucket = "lake";
    options.region = "us-east-1";
    options.endpoint = server_->endpoint();
    options.own_endpoint = options.path_style = true;
    options.credentials.access_key_id_env = "SLUICE_TEST_KEY_ID";
    options.credentials.secret_access_key_env = "SLUICE_TEST_SECRET";
    options.retry_wait_max = std::chrono::milliseconds(2);
    options.retry_for = std::chrono::seconds(0);
    change(options);
    store_ = aws::make_s3_store(std::move(options), system_clock());
  }

  Result<std::string> all_of(const ObjectFacts& facts) {
    SLUICE_TRY(const auto reader, store_->open_reader(facts, 0));
    std::string bytes;
    while (true) {
      SLUICE_TRY(const auto next, reader->next());
      if (next.empty()) return bytes;
      bytes += next;
    }
  }
  ObjectFacts facts_of(const std::string& key) {
    const auto head = store_->head(key);
    EXPECT_TRUE(head && *head) << (head ? "" : head.error().text());
    return head && *head ? **head : ObjectFacts{};
  }
  Result<ObjectFacts> upload(const std::string& key, const std::string& bytes, const PutOptions& options = {}) {
    SLUICE_TRY(const auto writer, store_->open_writer(key, options));
    SLUICE_CHECK(writer->write(bytes));
    return writer->finish();
  }
  static void expect_error(const auto& result, Fault fault, std::string_view part, std::string_view hint = "") {
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().fault, fault) << result.error().text();
    EXPECT_NE(result.error().message.find(part), std::string::npos) << result.error().text();
    EXPECT_NE(result.error().hint.find(hint), std::string::npos) << result.error().text();
  }

  std::unique_ptr<support::ObjectServer> server_;
  std::unique_ptr<ObjectStore> store_;
};

TEST_F(object_faults, signed_requests_with_awkward_keys_are_taken) {
  start();
  for (const std::string key :
       {"plain", "a b", "a+b", "a%2Fb", "a//b", "../up", "x:y", "ümläut", "q?=&#", "~(!*')", "/a"}) {
    const auto put = store_->put(key, key, {});
    ASSERT_TRUE(put) << key << ": " << put.error().text();
    EXPECT_EQ(server_->get(key), key);
    EXPECT_EQ(store_->read(key, put->version, 0, 99), key);
    const auto found = find_objects(*store_, {ObjectNames::By::prefix, key});
    ASSERT_TRUE(found) << found.error().text();
    EXPECT_FALSE(found->empty()) << key;
  }
}

TEST_F(object_faults, a_presigned_url_fetches_without_credentials) {
  start();
  ASSERT_TRUE(store_->put("out/a b+c.csv", "1,2\n", {}));
  const auto url = store_->presign("out/a b+c.csv", std::chrono::hours(24 * 7));
  ASSERT_TRUE(url) << url.error().text();
  EXPECT_EQ(support::http("GET", *url).body, "1,2\n");
  server_->advance(8 * 86400);
  EXPECT_EQ(support::http("GET", *url).status, 403);
  expect_error(store_->presign("x", std::chrono::hours(24 * 8)), Fault::config, "7 days");
}

TEST_F(object_faults, slow_down_500_and_cut_connections_are_tried_again) {
  start();
  server_->put("x", "hello");
  for (const char* fault : {"slow_down", "500", "cut", "truncated", "lost_reply", "409"}) {
    server_->fault(fault, "count=3&action=GetObject");
    EXPECT_EQ(store_->read("x", "", 0, 5), "hello") << fault;
    EXPECT_EQ(server_->stats().faults.at(fault), 3U) << fault;
    server_->clear_faults();
  }
}

TEST_F(object_faults, what_does_not_end_is_one_clear_transient_error) {
  start();
  server_->put("x", "hello");
  server_->fault("slow_down");
  const auto read = store_->read("x", "", 0, 5);
  expect_error(read, Fault::transient, "GetObject s3://lake/x: SlowDown (region us-east-1, request ", "slower");
  EXPECT_EQ(server_->stats().faults.at("slow_down"), 4U);
}

TEST_F(object_faults, a_connection_cut_in_the_middle_of_a_large_body_is_tried_again) {
  start();
  const std::string bytes = varied(18 * mib);
  server_->put("large", bytes);
  server_->fault("truncated", "count=2&skip=1&action=GetObject");
  const auto read = all_of(facts_of("large"));
  ASSERT_TRUE(read) << read.error().text();
  EXPECT_TRUE(*read == bytes);
}

TEST_F(object_faults, denied_names_the_action_and_the_object) {
  start();
  server_->fault("403");
  expect_error(store_->read("x", "", 0, 5), Fault::denied, "not allowed: GetObject s3://lake/x: AccessDenied",
               "allow s3:GetObject on s3://lake/x");
  expect_error(store_->put("y", "", {}), Fault::denied, "not allowed: PutObject", "s3:PutObject");
  expect_error(store_->head("x"), Fault::denied, "AccessDenied", "s3:GetObject");
  expect_error(find_objects(*store_, {ObjectNames::By::prefix, ""}), Fault::denied, "ListObjectsV2", "s3:ListBucket");
}

TEST_F(object_faults, no_bucket_is_told_from_no_key) {
  start();
  open([](aws::S3Options& options) { options.bucket = "lagoon"; });
  expect_error(store_->head("x"), Fault::denied, "there is no bucket lagoon");
  expect_error(store_->put("x", "", {}), Fault::denied, "there is no bucket lagoon");
  expect_error(store_->list("", [](const ObjectFacts&) { return true; }), Fault::denied, "there is no bucket lagoon");
  EXPECT_EQ(store_->probe().at(0).level, Finding::Level::bad);
}

TEST_F(object_faults, a_wrong_secret_is_told_and_no_key_is_told) {
  start({"--check-signature", "AKIDEXAMPLE:another"});
  expect_error(store_->read("x", "", 0, 5), Fault::denied, "the signature was refused", "secret access key");
  start({"--check-signature", "AKIDOTHER:secret"});
  expect_error(store_->read("x", "", 0, 5), Fault::denied, "the credentials are not known", "AWS_ACCESS_KEY_ID");
}

TEST_F(object_faults, a_clock_an_hour_off_is_corrected) {
  start();
  server_->put("x", "hello");
  server_->advance(3600);
  EXPECT_EQ(store_->read("x", "", 0, 5), "hello");
  server_->advance(-7200);
  EXPECT_EQ(store_->read("x", "", 0, 5), "hello");
  // A second time nothing needs to be learned.
  const auto calls = store_->calls().at("GetObject");
  EXPECT_EQ(store_->read("x", "", 0, 5), "hello");
  EXPECT_EQ(store_->calls().at("GetObject"), calls + 1);
}

TEST_F(object_faults, an_expired_token_is_looked_for_again_once) {
  start();
  server_->put("x", "hello");
  server_->fault("expired_token", "count=1");
  EXPECT_EQ(store_->read("x", "", 0, 5), "hello");
  server_->fault("expired_token");
  expect_error(store_->read("x", "", 0, 5), Fault::denied, "the credentials have expired");
  EXPECT_EQ(server_->stats().faults.at("expired_token"), 3U);
}

TEST_F(object_faults, a_bucket_in_another_region_is_followed_once_and_said) {
  start({"--check-signature", signing, "--region", "eu-central-1"});
  testing::internal::CaptureStderr();
  const auto put = store_->put("x", "hello", {});
  ASSERT_TRUE(put) << put.error().text();
  EXPECT_EQ(store_->read("x", put->version, 0, 5), "hello");
  EXPECT_TRUE(store_->head("x"));
  const std::string said = testing::internal::GetCapturedStderr();
  EXPECT_NE(said.find("bucket_in_another_region"), std::string::npos) << said;
  EXPECT_EQ(said.find("bucket_in_another_region"), said.rfind("bucket_in_another_region")) << said;
  EXPECT_EQ(store_->calls().at("PutObject"), 2U);
  EXPECT_EQ(store_->calls().at("GetObject"), 1U);
  const auto findings = store_->probe();
  EXPECT_TRUE(
      std::ranges::any_of(findings, [](const Finding& finding) { return finding.hint == "set region: eu-central-1"; }));
}

TEST_F(object_faults, head_follows_a_redirect_by_its_header) {
  start({"--region", "eu-central-1"});
  server_->put("x", "hello");
  server_->fault("redirect", "count=1");
  EXPECT_EQ(facts_of("x").bytes, 5U);
  EXPECT_EQ(server_->stats().called("HeadObject"), 2U);
}

TEST_F(object_faults, a_redirect_without_end_is_an_error) {
  start({"--region", "eu-central-1"});
  server_->fault("redirect");
  expect_error(store_->read("x", "", 0, 5), Fault::config, "PermanentRedirect", "eu-central-1");
  EXPECT_EQ(server_->stats().called("GetObject"), 2U);
}

TEST_F(object_faults, an_object_overwritten_between_its_ranges_is_a_conflict) {
  start();
  server_->put("large", varied(30 * mib));
  const ObjectFacts facts = facts_of("large");
  server_->fault("overwrite", "count=1&skip=5&action=GetObject");
  const auto read = all_of(facts);
  expect_error(read, Fault::conflict, "overwritten while it was read: s3://lake/large", "run again");
}

TEST_F(object_faults, a_server_that_knows_no_ranges_gives_the_right_bytes) {
  start();
  server_->put("x", "0123456789");
  server_->fault("no_range");
  EXPECT_EQ(store_->read("x", "", 3, 4), "3456");
}

TEST_F(object_faults, a_flipped_byte_is_found) {
  start();
  server_->put("small", "some bytes of no account");
  server_->fault("flipped", "count=1");
  EXPECT_EQ(all_of(facts_of("small")), "some bytes of no account") << "a small one is read again";
  server_->clear_faults();
  server_->fault("flipped", "action=GetObject");
  expect_error(all_of(facts_of("small")), Fault::damaged, "do not match its checksum");
  server_->clear_faults();
  server_->put("large", varied(9 * mib));
  server_->fault("flipped", "count=1&action=GetObject");
  expect_error(all_of(facts_of("large")), Fault::damaged, "do not match its checksum");
}

TEST_F(object_faults, a_checksum_that_comes_back_wrong_fails_the_write) {
  start();
  server_->fault("wrong_checksum");
  expect_error(store_->put("x", "hello", {}), Fault::failed, "is not what was sent");
  expect_error(upload("y", varied(9 * mib)), Fault::failed, "not what was sent");
  EXPECT_EQ(server_->stats().counts.at("uploads"), 0U);
}

TEST_F(object_faults, a_put_whose_reply_was_lost_is_looked_up) {
  start();
  const PutOptions fresh{.condition = {.if_absent = true}};
  ASSERT_FALSE(store_->head("x").value());  // so that a connection is open
  server_->fault("lost_reply", "count=1&action=PutObject");
  const auto put = store_->put("x", "mine", fresh);
  ASSERT_TRUE(put) << put.error().text();
  EXPECT_EQ(server_->get("x"), "mine");
  EXPECT_EQ(put->version, facts_of("x").version);
  server_->fault("lost_reply", "count=4&action=PutObject");  // every try
  EXPECT_TRUE(store_->put("y", "mine", fresh));
  // Somebody else's stays somebody else's.
  server_->put("z", "theirs");
  server_->fault("cut", "count=1&action=PutObject");
  expect_error(store_->put("z", "mine", fresh), Fault::conflict, "another writer");
  EXPECT_EQ(server_->get("z"), "theirs");
}

TEST_F(object_faults, an_unknown_outcome_that_was_nothing_is_an_error) {
  start();
  server_->fault("cut", "action=PutObject");
  expect_error(store_->put("x", "mine", {}), Fault::transient, "PutObject s3://lake/x");
  EXPECT_EQ(server_->stats().counts.at("objects"), 0U);
}

TEST_F(object_faults, a_completion_whose_reply_was_lost_is_looked_up) {
  start();
  const std::string bytes = varied(12 * mib);
  server_->fault("lost_reply", "count=1&action=CompleteMultipartUpload");
  const auto done = upload("x", bytes, {.condition = {.if_absent = true}});
  ASSERT_TRUE(done) << done.error().text();
  EXPECT_EQ(done->version, facts_of("x").version);
  EXPECT_TRUE(server_->get("x") == bytes);
  EXPECT_EQ(server_->stats().called("AbortMultipartUpload"), 0U);
}

TEST_F(object_faults, a_200_with_an_error_inside_is_an_error) {
  start();
  server_->fault("error_in_200", "count=2&action=CompleteMultipartUpload");
  EXPECT_TRUE(upload("x", varied(9 * mib)));
  server_->fault("error_in_200", "action=CompleteMultipartUpload");
  expect_error(upload("y", varied(9 * mib)), Fault::transient, "CompleteMultipartUpload s3://lake/y: InternalError");
  EXPECT_EQ(store_->head("y").value(), std::nullopt);
}

TEST_F(object_faults, parts_are_tried_again_and_what_fails_is_aborted) {
  start();
  const std::string bytes = varied(30 * mib);
  server_->fault("500", "count=2&skip=1&action=UploadPart");
  server_->fault("lost_reply", "count=1&action=UploadPart");
  ASSERT_TRUE(upload("x", bytes));
  EXPECT_TRUE(server_->get("x") == bytes);
  server_->clear_faults();
  server_->fault("403", "skip=2&action=UploadPart");
  expect_error(upload("y", bytes), Fault::denied, "UploadPart s3://lake/y", "s3:PutObject");
  EXPECT_EQ(server_->stats().counts.at("uploads"), 0U);
}

TEST_F(object_faults, an_upload_that_somebody_aborts_is_one_clear_error) {
  start();
  server_->fault("no_upload", "skip=1&action=UploadPart");
  expect_error(upload("y", varied(20 * mib)), Fault::conflict, "the upload is gone");
}

// Over a key that is there: what is found under it afterwards is not what was sent.
TEST_F(object_faults, a_web_page_for_a_write_is_no_success) {
  start();
  server_->put("x", "before");
  server_->fault("web_page", "action=PutObject");
  expect_error(store_->put("x", "after", {}), Fault::failed, "the answer has no ETag");
  EXPECT_EQ(server_->get("x"), "before");
  server_->clear_faults();
  server_->fault("web_page", "action=CompleteMultipartUpload");
  expect_error(upload("x", varied(9 * mib)), Fault::failed, "the answer has no ETag");
  EXPECT_EQ(server_->get("x"), "before");
}

TEST_F(object_faults, a_web_page_is_no_answer) {
  start();
  server_->fault("web_page");
  expect_error(store_->list("", [](const ObjectFacts&) { return true; }), Fault::failed, "not whole XML",
               "is this an S3 endpoint");
  expect_error(upload("x", varied(9 * mib)), Fault::failed, "no upload id");
}

TEST_F(object_faults, an_endpoint_where_nobody_listens_is_one_clear_error) {
  start();
  open([](aws::S3Options& options) { options.endpoint = "http://127.0.0.1:1"; });
  expect_error(store_->read("x", "", 0, 1), Fault::transient, "cannot connect to http://127.0.0.1:1");
}

TEST_F(object_faults, doctor_names_uploads_older_than_a_day) {
  start();
  const auto writer = store_->open_writer("big one.csv", {});
  ASSERT_TRUE(writer);
  ASSERT_TRUE((*writer)->write(varied(9 * mib)));
  for (const Finding& finding : store_->probe()) EXPECT_EQ(finding.level, Finding::Level::good) << finding.what;
  server_->fault("403", "action=ListMultipartUploads");
  const auto denied = store_->probe();
  EXPECT_NE(denied.back().hint.find("s3:ListBucketMultipartUploads"), std::string::npos);
  server_->clear_faults();
  class Later final : public Clock {
   public:
    std::chrono::system_clock::time_point now() const override { return system_clock().now() + std::chrono::hours(25); }
    std::chrono::steady_clock::time_point steady() const override { return system_clock().steady(); }
    void sleep(std::chrono::milliseconds time) const override { system_clock().sleep(time); }
  } later;
  aws::S3Options options;
  options.bucket = "lake";
  options.region = "us-east-1";
  options.endpoint = server_->endpoint();
  options.own_endpoint = options.path_style = true;
  options.credentials.access_key_id_env = "SLUICE_TEST_KEY_ID";
  options.credentials.secret_access_key_env = "SLUICE_TEST_SECRET";
  const auto findings = aws::make_s3_store(options, later)->probe();
  EXPECT_EQ(findings.back().level, Finding::Level::warning) << findings.back().what;
  EXPECT_NE(findings.back().what.find("big one.csv"), std::string::npos) << findings.back().what;
}

TEST_F(object_faults, the_bucket_may_stand_in_the_host_s_name) {
  start();
  const std::string endpoint = "http://localhost:" + std::to_string(server_->port());
  open([&](aws::S3Options& options) {
    options.endpoint = endpoint;
    options.path_style = false;
    options.insecure = true;  // lake.localhost is no loopback address by its text
  });
  const auto put = store_->put("a/b c", "hello", {});
  ASSERT_TRUE(put) << put.error().text();
  EXPECT_EQ(server_->get("a/b c"), "hello");
}

TEST_F(object_faults, small_objects_cost_one_call_and_large_ones_are_fetched_by_ranges) {
  start();
  server_->put("small", "12345");
  server_->put("large", varied(10 * mib));
  const ObjectFacts small = facts_of("small");
  const ObjectFacts large = facts_of("large");
  auto before = server_->stats();
  ASSERT_TRUE(all_of(small));
  auto after = server_->stats();
  EXPECT_EQ(after.called("GetObject") - before.called("GetObject"), 1U);
  EXPECT_EQ(after.called("HeadObject"), before.called("HeadObject"));
  before = after;
  ASSERT_TRUE(all_of(large));
  after = server_->stats();
  EXPECT_EQ(after.called("GetObject") - before.called("GetObject"), 3U);
  EXPECT_EQ(after.bytes_out() - before.bytes_out(), 10 * mib);
  before = after;
  ASSERT_EQ(store_->read("large", large.version, 5 * mib, 100).value().size(), 100U);
  EXPECT_EQ(server_->stats().bytes_out() - before.bytes_out(), 100U);
  const auto log = server_->log();
  EXPECT_EQ(log.back(), "GetObject large bytes=5242880-5242979 206");
}

TEST(parts, ten_thousand_hold_the_largest_object_that_s3_takes) {
  const std::size_t first = 8 * mib;
  EXPECT_EQ(aws::part_size(first, 1), first);
  EXPECT_EQ(aws::part_size(first, 1000), first);
  EXPECT_EQ(aws::part_size(first, 1001), 2 * first);
  std::uint64_t sum = 0;
  for (std::size_t number = 1; number <= 10000; ++number) {
    sum += aws::part_size(first, number);
    EXPECT_LE(aws::part_size(first, number), std::uint64_t{5} << 30U);
  }
  EXPECT_GE(sum, std::uint64_t{5} << 40U);
}

}  // namespace
}  // namespace sluice
