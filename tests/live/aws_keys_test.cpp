// Keys whose secrets stand in AWS: the binary against a server that speaks KMS's and Secrets Manager's protocol over
// HTTP, verifies every signature, and refuses on purpose.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <fstream>

#include "support/key_server.hpp"
#include "support/process.hpp"

namespace sluice::live {
namespace {

using support::Ended;

constexpr const char* secret_text = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";  // 00 01 ... 1f
constexpr const char* its_check = "8851e33cf96e2865";                                // as docs/masks.md has it

class aws_keys : public testing::Test {
 protected:
  void SetUp() override {
    server_ = support::KeyServer::start({"--kms-key", "first", "--kms-key", "second"});
    environment_ = server_->environment();
    environment_["HOME"] = folder_.path().string();
  }

  Ended run(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), SLUICE_BINARY);
    return support::run({arguments, environment_, folder_.path().string()});
  }
  // What it printed, when it ended well.
  std::string good(const std::vector<std::string>& arguments) const {
    const Ended ended = run(arguments);
    EXPECT_EQ(ended.code, 0) << ended.err;
    return ended.out;
  }
  // One line of error with these words, this exit code, nothing on stdout and the keyring as it was.
  void refused(const std::vector<std::string>& arguments, int code, std::string_view words) const {
    const std::string before = keyring();
    const Ended ended = run(arguments);
    EXPECT_EQ(ended.code, code) << ended.err;
    EXPECT_NE(ended.err.find(words), std::string::npos) << ended.err;
    EXPECT_EQ(std::ranges::count(ended.err, '\n'), 1) << ended.err;
    EXPECT_EQ(ended.out, "");
    EXPECT_EQ(ended.err.find("may say anything"), std::string::npos) << "the server's own words came through";
    EXPECT_EQ(keyring(), before);
  }
  std::string file() const { return folder_.path() / "keys.json"; }
  std::string keyring() const {
    std::ifstream in(file());
    return {std::istreambuf_iterator<char>(in), {}};
  }
  void write(const std::string& text) const {
    std::ofstream(file()) << text;
    ASSERT_EQ(chmod(file().c_str(), 0600), 0);
  }
  std::string token() const {
    const Ended ended = support::run(
        {{"/bin/sh", "-c", std::string("echo 203.0.113.7 | ") + SLUICE_BINARY + " mask --keys keys.json --domain ip"},
         environment_,
         folder_.path().string()});
    EXPECT_EQ(ended.code, 0) << ended.err;
    return ended.out.substr(0, ended.out.find('\n'));
  }
  // Any command that needs the secrets.
  const std::vector<std::string> checking_{"keys", "check", "keys.json"};

  support::TempFolder folder_{"aws-keys"};
  std::unique_ptr<support::KeyServer> server_;
  std::map<std::string, std::optional<std::string>> environment_;
};

TEST_F(aws_keys, a_wrapped_key_masks_and_unmasks_and_its_secret_is_in_no_file) {
  good({"keys", "init", "keys.json", "--kms", "alias/first"});
  const std::string made = token();
  EXPECT_EQ(good({"unmask", "keys.json", "--domain", "ip", made}), "203.0.113.7\n");
  EXPECT_EQ(token(), made);
  EXPECT_NE(keyring().find("arn:aws:kms:eu-central-1:111122223333:key/first"), std::string::npos) << keyring();
  EXPECT_EQ(keyring().find("\"secret\""), std::string::npos);
  EXPECT_EQ(server_->calls()["GenerateDataKey"], 1);
  EXPECT_EQ(server_->calls()["Decrypt"], 3);
}

TEST_F(aws_keys, keys_in_the_file_in_a_variable_wrapped_and_in_a_secret_stand_side_by_side) {
  good({"keys", "init", "keys.json"});
  const std::string old = token();
  good({"keys", "add", "keys.json", "--kms", "first"});
  environment_["SLUICE_KEY"] = "hwAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
  good({"keys", "add", "keys.json", "--env", "SLUICE_KEY"});
  server_->secret("team/sluice-key", secret_text);
  const std::string out = good({"keys", "add", "keys.json", "--aws-secret", "team/sluice-key"});
  EXPECT_NE(out.find(its_check), std::string::npos) << out;
  for (const char* id : {"k2", "k3", "k4"}) {
    good({"keys", "promote", "keys.json", id});
    const std::string now = token();
    EXPECT_EQ(now.substr(0, 3), std::string(id) + ".");
    EXPECT_EQ(good({"unmask", "keys.json", "--domain", "ip", now, old}), "203.0.113.7\n203.0.113.7\n");
  }
  EXPECT_EQ(keyring().find(secret_text), std::string::npos);
}

TEST_F(aws_keys, a_secret_is_text_of_either_form_or_binary_by_name_or_arn) {
  std::string bytes;
  for (char c = 0; c < 32; ++c) bytes += c;
  server_->secret("base64", secret_text);
  server_->secret("line", std::string(secret_text) + "\n");
  server_->secret("hex", "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f");
  server_->secret("binary", bytes, true);
  for (const char* name :
       {"base64", "line", "hex", "binary", "arn:aws:secretsmanager:eu-central-1:111122223333:secret:hex-a1B2c3"}) {
    environment_["AWS_REGION"] = std::string(name).starts_with("arn:") ? "us-east-1" : "eu-central-1";
    const std::string out = good({"--json", "keys", "init", "keys.json", "--aws-secret", name});
    EXPECT_NE(good({"keys", "list", "keys.json"}).find(its_check), std::string::npos) << name;
    ASSERT_EQ(std::remove(file().c_str()), 0);
  }
}

TEST_F(aws_keys, what_kms_refuses_is_one_line_with_what_to_do) {
  good({"keys", "init", "keys.json", "--kms", "first"});
  server_->kms_key("first", "Disabled");
  refused(checking_, 3, "is disabled");
  refused({"keys", "add", "keys.json", "--kms", "first"}, 3, "is disabled");
  server_->kms_key("first", "PendingDeletion");
  refused(checking_, 3, "cancel-key-deletion");
  server_->kms_key("first");
  server_->fault("AccessDeniedException", "action=Decrypt");
  refused(checking_, 3, "allow kms:Decrypt");
  server_->clear_faults();
  refused({"keys", "add", "keys.json", "--kms", "third"}, 3, "does not exist");
  refused({"keys", "add", "keys.json", "--kms", "a key"}, 2, "no key of KMS");
  server_->fault("ExpiredTokenException");
  refused(checking_, 3, "have expired");
  server_->clear_faults();
  environment_["AWS_SECRET_ACCESS_KEY"] = "another";
  refused(checking_, 3, "signature was refused");
  environment_["AWS_ACCESS_KEY_ID"] = "NOBODY";
  refused(checking_, 3, "not known");
  environment_["AWS_ACCESS_KEY_ID"] = "AKIDEXAMPLE";
  environment_["AWS_SECRET_ACCESS_KEY"] = "secret";
  good(checking_);
}

TEST_F(aws_keys, a_wrapped_secret_that_was_changed_or_moved_is_refused) {
  good({"keys", "init", "keys.json", "--kms", "first"});
  const std::string whole = keyring();
  std::string changed = whole;
  char& last = changed[changed.find("\"wrapped\": \"") + 60];
  last = last == 'A' ? 'B' : 'A';
  write(changed);
  refused(checking_, 2, "was changed");
  changed = whole;
  changed.replace(changed.find("key/first"), 9, "key/second");
  write(changed);
  refused(checking_, 2, "is not the one that has wrapped");
  changed = whole;
  changed.replace(changed.find("\"k1\""), 4, "\"k2\"");
  write(changed);
  refused(checking_, 2, "of another key id");
  changed = whole;
  changed.replace(changed.find("\"wrapped\": \"") + 12, 4, "!!!!");
  write(changed);
  refused(checking_, 2, "\"wrapped\" must be");
  changed = whole;
  changed.replace(changed.find("\"check\": \"") + 10, 16, its_check);
  write(changed);
  refused(checking_, 2, "another secret than it did");
}

TEST_F(aws_keys, a_secret_that_is_not_there_or_no_key_is_refused) {
  good({"keys", "init", "keys.json"});
  const auto add = [](const std::string& name) {
    return std::vector<std::string>{"keys", "add", "keys.json", "--aws-secret", name};
  };
  refused(add("none"), 3, "create-secret");
  server_->secret("short", "AAEC");
  refused(add("short"), 2, "holds 3 bytes instead of 32");
  server_->secret("json", R"({"key": "AAEC"})");
  refused(add("json"), 2, "is not base64");
  server_->secret("long", std::string(5000, 'A'));
  refused(add("long"), 2, "longer than any key");
  server_->secret("empty", "");
  refused(add("empty"), 2, "is empty");
  server_->secret("umlaut", "\xc3\xa4");
  refused(add("umlaut"), 2, "is not base64");
  refused(add("no name"), 2, "no name of a secret");
  server_->fault("AccessDeniedException");
  refused(add("short"), 3, "allow secretsmanager:GetSecretValue");
  server_->clear_faults();
  server_->fault("DecryptionFailure");
  refused(add("short"), 3, "kms:Decrypt");
  server_->clear_faults();

  server_->secret("key", secret_text);
  good(add("key"));
  refused(add("key"), 2, "holds the secret of key k2");
  server_->secret("key", "hwAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=");
  refused(checking_, 2, "another secret than it did");
  refused({"keys", "promote", "keys.json", "k2"}, 2, "another one than it was");
}

TEST_F(aws_keys, an_endpoint_that_is_down_or_something_else_ends_it) {
  good({"keys", "init", "keys.json", "--kms", "first"});
  server_->fault("web_page");
  refused(checking_, 3, "is the endpoint AWS");
  server_->clear_faults();
  server_->fault("empty");
  refused(checking_, 3, "without a secret of 32 bytes");
  server_->clear_faults();
  server_->fault("truncated");
  refused(checking_, 3, "Decrypt");
  server_->clear_faults();
  environment_["AWS_ENDPOINT_URL_KMS"] = "http://127.0.0.1:" + std::to_string(support::free_port());
  refused(checking_, 3, "the KMS key arn:");
  environment_["AWS_ENDPOINT_URL_KMS"] = "http://kms.example";
  refused(checking_, 2, "use https");
  environment_["AWS_ENDPOINT_URL_KMS"] = std::nullopt;
  environment_["AWS_REGION"] = std::nullopt;
  refused({"keys", "add", "keys.json", "--kms", "first"}, 2, "region");
}

TEST_F(aws_keys, what_is_busy_for_a_moment_is_asked_again) {
  good({"keys", "init", "keys.json", "--kms", "first"});
  server_->fault("ThrottlingException", "count=1");
  server_->fault("KMSInternalException", "count=1&skip=1");
  good(checking_);
  EXPECT_EQ(server_->calls()["Decrypt"], 3);
}

// Else a key that was lost in AWS would keep its keyring from ever being used again.
TEST_F(aws_keys, what_kms_refuses_can_be_looked_at_and_disabled_and_is_not_asked_for_then) {
  good({"keys", "init", "keys.json"});
  good({"keys", "add", "keys.json", "--kms", "first"});
  server_->kms_key("first", "Disabled");
  refused(checking_, 3, "is disabled");
  good({"keys", "list", "keys.json"});
  good({"keys", "disable", "keys.json", "k2"});
  good(checking_);
  refused({"keys", "enable", "keys.json", "k2"}, 3, "is disabled");
  server_->kms_key("first");
  good({"keys", "enable", "keys.json", "k2"});
  good(checking_);
}

}  // namespace
}  // namespace sluice::live
