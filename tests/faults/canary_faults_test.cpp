// Far ends that are away, refuse us, have other shapes or full disks: what is said then, and left behind, has no mark.
#include "canary_flow.hpp"

namespace sluice::faults {
namespace {

constexpr const char* file = "canary.yaml";

class canary_faults : public CanaryFlow {};

TEST_F(canary_faults, of_a_far_end_that_is_away_or_refuses_leave_no_mark) {
  fill();
  fill_clear();
  const std::string nobody = "postgresql://127.0.0.1:1/x";
  const auto with = [](const std::string& name, const std::string& value) {
    return How{.environment = {{name, value}}};
  };
  postgres().make_user("clerk");
  const std::string wrong =
      "postgresql://clerk:" + std::string("not-it@127.0.0.1:") + std::to_string(postgres().port()) + "/" + database_;
  for (const std::string& url : {nobody, postgres().url(database_, "nobody"), wrong, postgres().url("not_there"),
                                 postgres().url(database_, "clerk")}) {
    fill(8);
    run({"from_queue", "from_s3"}, with("DATABASE_URL", url));
    run({"to_vault", "to_s3"}, with("VAULT_URL", url));
  }
  fill();
  run({"from_queue", "from_s3", "to_s3"}, with("SQS", "http://127.0.0.1:1"));
  run({"from_s3", "to_s3"}, with("S3", "http://127.0.0.1:1"));
  drive({"doctor", file}, with("S3", "http://127.0.0.1:1"));
  // The server goes away in the middle of what it reads and writes.
  vault(R"(create or replace function refuse() returns trigger language plpgsql as $$begin
      perform pg_terminate_backend(pg_backend_pid()); return new; end$$)");
  queue_->put("wishes", one_person("gone"));
  run({"to_vault"});
  search_all();
}

TEST_F(canary_faults, of_tables_of_another_shape_leave_no_mark) {
  fill();
  sql("create table people(id text, name integer, email text)");
  run({"from_queue"});
  sql("drop table people");
  // A trigger that quotes the row, a constraint that does, a column that is too narrow.
  sql(people_sql() + R"(
    create function refuse() returns trigger language plpgsql as
      $$begin if new.id = 'p3' then raise exception 'no % here', new using detail = new.name; end if; return new; end$$;
    create trigger refuse before insert on people for each row execute function refuse();
    alter table people add unique (device) deferrable initially deferred;
    alter table merged add constraint c check (rate < 5), alter column name type varchar(20))");
  run({"from_queue", "from_s3", "from_parquet"});
  fill();
  run({"from_queue", "from_s3", "from_parquet"});
  fill_clear();
  vault("alter table person drop column age");
  queue_->put("wishes", one_person("new"));
  run({"to_vault", "to_open_files"});
  vault("alter table person drop column name");
  run({"to_s3", "to_s3_files", "failing_mask"});
  search_all();
}

TEST_F(canary_faults, of_a_disk_that_is_full_leave_no_mark) {
  fill();
  fill_clear();
  // The server's disk, in the words of a trigger.
  sql(people_sql() + R"(
    create function full_disk() returns trigger language plpgsql as $$begin
      raise exception 'could not extend file for %', new using errcode = '53100', detail = new.name; end$$;
    create trigger full_disk before insert on people for each row execute function full_disk();
    create trigger full_disk before insert on merged for each row execute function full_disk())");
  run({"from_queue", "from_s3"});
  // Ours.
  for (const char* blocks : {"0", "8", "64", "400"}) {
    const How limited{.shell = "trap '' XFSZ; ulimit -f " + std::string(blocks)};
    fill(8);
    std::filesystem::remove(at("local.duckdb"));
    for (const char* flow : {"from_spool", "from_files", "to_bank", "to_files", "to_parquet", "to_open_files"})
      run({flow}, limited);
  }
  search_all();
}

}  // namespace
}  // namespace sluice::faults
