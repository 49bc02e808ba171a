// PostgreSQL that cannot be used as it is, and rows that it refuses: what a run says, and where the messages are.
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>

#include "login_flow.hpp"

namespace sluice::faults {
namespace {

using support::Ended;

TEST(wrong_database, down) {
  SLUICE_NEEDS_POSTGRES();
  LoginFlow flow;
  flow.send(login_messages(20));
  const std::string port = std::to_string(support::free_port());
  flow.database_url("postgresql://postgres@127.0.0.1:" + port + "/logins");
  flow.refused(flow.run(), 3, {"cannot connect to PostgreSQL at 127.0.0.1:" + port, "check that the server runs"});
}

TEST(wrong_database, wrong_password) {
  SLUICE_NEEDS_POSTGRES();
  LoginFlow flow;
  flow.send(login_messages(20));
  postgres().make_user("clerk");
  flow.database_url("postgresql://clerk:not-the-secret@127.0.0.1:" + std::to_string(postgres().port()) + "/" +
                    flow.database());
  const Ended ended = flow.run();
  flow.refused(ended, 3, {"password of user \"clerk\" is wrong", "check user and password"});
  EXPECT_EQ((ended.out + ended.err).find("not-the-secret"), std::string::npos);
}

TEST(wrong_database, no_such_database) {
  SLUICE_NEEDS_POSTGRES();
  LoginFlow flow;
  flow.send(login_messages(20));
  flow.database_url(postgres().url("not_there"));
  flow.refused(flow.run(), 2, {"database \"not_there\"", "CREATE DATABASE"});
}

TEST(wrong_database, no_right_to_make_the_ledger_but_in_a_schema_of_its_own) {
  SLUICE_NEEDS_POSTGRES();
  postgres().make_user("loader");
  FlowOptions options;
  options.user = "loader";
  LoginFlow flow(options);
  flow.sql("grant create on schema public to loader; create schema mine authorization loader");
  flow.send(login_messages(50));
  flow.refused(flow.run(), 3, {"loader", "schema", "sluice", "GRANT CREATE ON DATABASE", "ledger:"});

  options.warehouse_keys = ", ledger: mine";
  flow.configure(options);
  const Ended ended = flow.run();
  EXPECT_EQ(ended.code, 0) << ended.err;
  flow.verdict();
}

TEST(wrong_database, no_right_to_write_the_table) {
  SLUICE_NEEDS_POSTGRES();
  postgres().make_user("reader");
  FlowOptions options;
  options.user = "reader";
  LoginFlow flow(options);
  flow.sql(
      "grant create on schema public to reader; create schema sluice authorization reader; "
      "create table user_logins(user_id varchar(128), device_type varchar(32), masked_ip varchar(256), "
      "masked_device_id varchar(256), locale varchar(32), app_version integer, create_date date)");
  flow.send(login_messages(50));
  flow.refused(flow.run(), 3, {"user_logins", "reader", "GRANT"});
  flow.sql("grant insert, select on user_logins to reader");
  const Ended ended = flow.run();
  EXPECT_EQ(ended.code, 0) << ended.err;
  flow.verdict();
}

TEST(wrong_database, table_of_another_shape) {
  SLUICE_NEEDS_POSTGRES();
  LoginFlow flow;
  flow.sql(
      "create table user_logins(user_id varchar(128), device_type varchar(32), masked_ip varchar(256), "
      "device varchar(256), locale varchar(32), app_version integer, create_date date)");
  flow.send(login_messages(20));
  flow.refused(flow.run(), 2, {"user_logins", "masked_device_id"});
}

// A tablespace on a file system of 4 MiB, which somebody else fills. Only root can make one.
class SmallDisk {
 public:
  SmallDisk() : folder_("tablespace") {
    made_ = geteuid() == 0 && mount("tmpfs", folder_.path().c_str(), "tmpfs", 0, "size=4m,mode=0777") == 0;
    if (!made_) return;
    const std::string space = folder_.path() / "space";
    std::filesystem::create_directory(space);
    support::run({{"chown", "postgres:", space}, {}, {}});
    postgres().sql("create tablespace small location '" + space + "'");
  }
  ~SmallDisk() {
    if (made_) umount2(folder_.path().c_str(), MNT_DETACH);
  }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;

  bool made() const { return made_; }
  void fill() const { support::run({{"dd", "if=/dev/zero", "of=" + filler().string(), "bs=64k"}, {}, {}}); }
  void empty() const { std::filesystem::remove(filler()); }

 private:
  std::filesystem::path filler() const { return folder_.path() / "filler"; }

  support::TempFolder folder_;
  bool made_ = false;
};

TEST(wrong_database, disk_full) {
  SLUICE_NEEDS_POSTGRES();
  FlowOptions options;
  options.visibility = 600;
  LoginFlow flow(options);
  ASSERT_EQ(flow.run().code, 0);  // makes the tables
  const SmallDisk disk;
  if (disk.made()) {
    flow.sql("alter table user_logins set tablespace small");
    disk.fill();
  } else {
    std::fprintf(stderr, "disk_full: no small disk to be had (not root, or no mount); a trigger says it instead\n");
    flow.sql(
        "create function full_disk() returns trigger language plpgsql as $$ begin raise exception 'could not "
        "extend file' using errcode = '53100'; end $$; create trigger full_disk before insert on user_logins "
        "for each row execute function full_disk()");
  }
  flow.send(login_messages(200));
  const Ended ended = flow.run({"--database-wait", "2s"});
  flow.refused(ended, 3, {"user_logins", "disk_full", "make room on the server's disk"});
  // Tried again with the messages in hand: an outage must not push them into a dead-letter queue.
  EXPECT_LE(flow.queue().stats("login-queue")["received"], 600U);

  if (disk.made()) {
    disk.empty();
  } else {
    flow.sql("drop trigger full_disk on user_logins");
  }
  const Ended again = flow.run();
  EXPECT_EQ(again.code, 0) << again.err;
  flow.verdict();
  if (disk.made()) {
    flow.sql("alter table user_logins set tablespace pg_default");
    postgres().sql("checkpoint");
    postgres().sql("drop tablespace small");
  }
}

// Ends of user ids that a table refuses.
void refuse(std::vector<Sent>& messages, char last) {
  for (Sent& message : messages) {
    const std::size_t end = message.row.find('|');
    if (end != std::string::npos && message.row[end - 1] == last) message.row.clear();
  }
}

TEST(wrong_database, rows_that_a_check_or_a_trigger_refuses_are_rejects_and_the_others_are_written) {
  SLUICE_NEEDS_POSTGRES();
  LoginFlow flow;
  flow.sql(
      "create table user_logins(user_id varchar(128) check (user_id not like '%5'), device_type varchar(32), "
      "masked_ip varchar(256), masked_device_id varchar(256), locale varchar(32), app_version integer, create_date "
      "date);"
      "create function picky() returns trigger language plpgsql as $$ begin if new.user_id like '%7' then raise "
      "exception 'not that one: %', new; end if; return new; end $$;"
      "create trigger picky before insert on user_logins for each row execute function picky()");
  std::vector<Sent> messages = login_messages(500);
  refuse(messages, '5');
  refuse(messages, '7');
  flow.send(messages);
  const Ended ended = flow.run();
  EXPECT_EQ(ended.code, 0) << ended.err;
  flow.verdict();
  EXPECT_EQ(flow.sql("select count(*) from user_logins_rejects where reason = 'check_violation'"), "50");
  EXPECT_EQ(flow.sql("select count(*) from user_logins_rejects where reason = 'raise_exception'"), "50");
}

class unique_of : public testing::TestWithParam<std::string> {};

TEST_P(unique_of, rows_are_written_once_and_the_others_are_rejects) {
  SLUICE_NEEDS_POSTGRES();
  LoginFlow flow;
  flow.sql("create table user_logins(user_id varchar(128) unique " + GetParam() +
           ", device_type varchar(32), masked_ip varchar(256), masked_device_id varchar(256), locale varchar(32), "
           "app_version integer, create_date date)");
  const std::vector<Sent> first = login_messages(300);
  flow.send(first);
  std::vector<Sent> again(first.begin(), first.begin() + 20);  // the same bodies as other messages
  for (Sent& message : again) message.row.clear();
  flow.send(again);
  const Ended ended = flow.run();
  EXPECT_EQ(ended.code, 0) << ended.err;
  flow.verdict();
  EXPECT_EQ(flow.sql("select count(*) from user_logins_rejects where reason = 'unique_violation'"), "18");
}

std::string kind_of_unique(const testing::TestParamInfo<std::string>& kind) {
  return kind.param.empty() ? "plain" : "deferred";
}

INSTANTIATE_TEST_SUITE_P(wrong_database, unique_of, testing::Values("", "deferrable initially deferred"),
                         kind_of_unique);

}  // namespace
}  // namespace sluice::faults
