// Texts of a column replaced in place: from block to block of the table's file, since there may be no index on the
// column and no key to go by. An UPDATE names the row's place and its old text, so that a row that another
// transaction has changed or moved meanwhile is left for the next pass.
#include "sluice/core/crash_point.hpp"
#include "sluice/postgres/database.hpp"
#include "sluice/postgres/sql.hpp"

namespace sluice::postgres {
namespace {

constexpr int passes_max = 100;  // each finds what was written during the one before
constexpr int tries_max = 5;     // of a batch that lost against another transaction

class Pass {
 public:
  Pass(Connection& connection, const Rewriting& rewriting, std::string table)
      : connection_(connection),
        rewriting_(rewriting),
        table_(std::move(table)),
        what_("rewrite " + rewriting.table.text() + "." + rewriting.column) {}

  Result<std::uint64_t> run(const std::stop_token& stop) {
    SLUICE_TRY(const Answer size, asked("select pg_relation_size($1::regclass) / current_setting('block_size')::bigint",
                                        Parameters().text(table_)));
    const std::int64_t blocks = size.integer(0, 0);
    std::uint64_t changed = 0;
    for (std::int64_t block = 0; block < blocks && !stop.stop_requested(); block += step) {
      SLUICE_TRY(const std::uint64_t of_blocks, blocks_from(block, stop));
      changed += of_blocks;
    }
    return changed;
  }

 private:
  // Rows of some 100 bytes or more: a step holds a few thousand at most.
  static constexpr std::int64_t step = 32;

  Result<std::uint64_t> blocks_from(std::int64_t block, const std::stop_token& stop) {
    const std::string column = postgres::quoted(rewriting_.column);
    const std::string find = "select ctid::text, " + column + "::text from only " + table_ + " where ctid >= '(" +
                             std::to_string(block) + ",0)'::tid and ctid < '(" + std::to_string(block + step) +
                             ",0)'::tid and " + column + " is not null and left(" + column +
                             "::text, length($1)) <> $1 limit " + std::to_string(rewriting_.batch);
    // `any` gives a scan of just those places; the join alone would read the table.
    const std::string change = "update only " + table_ + " t set " + column +
                               " = v.fresh from unnest($1::text[]::tid[], $2::text[], $3::text[]) v(place, old, fresh) "
                               "where t.ctid = any($1::text[]::tid[]) and t.ctid = v.place and t." +
                               column + "::text = v.old";
    std::uint64_t changed = 0;
    for (int lost = 0; !stop.stop_requested();) {
      SLUICE_TRY(const Answer rows, asked(find, Parameters().text(rewriting_.keep)));
      if (rows.rows() == 0) break;
      std::vector<std::string> old;
      std::vector<std::string> fresh;
      std::vector<std::string_view> places;
      for (std::size_t row = 0; row < rows.rows(); ++row) {
        places.push_back(rows.bytes(row, 0));
        old.push_back(rows.text(row, 1));
      }
      SLUICE_CHECK(rewriting_.replace(old, fresh));
      SLUICE_CRASH_POINT("rewrap_batch_made");
      Reply reply = connection_.ask(
          change, Parameters().texts(places).texts({old.begin(), old.end()}).texts({fresh.begin(), fresh.end()}));
      if (!reply) {
        const ServerError& error = reply.error();
        const bool lost_race = error.is("40P01") || error.is("40001") || error.is("55P03");
        if (lost_race && ++lost < tries_max) continue;
        return fail(explained(error));
      }
      SLUICE_CRASH_POINT("rewrap_batch_written");
      changed += reply->affected();
      // All of them were taken by others: the next pass finds them where they are then.
      if (reply->affected() == 0) break;
    }
    return changed;
  }

  Error explained(const ServerError& error) const {
    Error out = connection_.error(error, what_);
    if (error.is("23505"))
      out.hint =
          "the table holds the same value under both keys: remove one of the two rows, then go on by the same command";
    if (error.is("22001")) out.hint = "the new key's id is longer: widen the column, then go on by the same command";
    return out;
  }

  Result<Answer> asked(const std::string& sql, const Parameters& parameters) {
    Reply reply = connection_.ask(sql, parameters);
    if (!reply) return fail(explained(reply.error()));
    return std::move(*reply);
  }

  Connection& connection_;
  const Rewriting& rewriting_;
  std::string table_;
  std::string what_;
};

}  // namespace

Result<std::uint64_t> TableDatabase::rewrite(const Rewriting& rewriting, std::stop_token stop) {
  SLUICE_TRY(Connection * connection, session_.connection());
  const std::string name = quoted(rewriting.table);
  // A place names a row within one partition only.
  Reply leaves = connection->ask(
      "select format('%I.%I', n.nspname, c.relname) from pg_partition_tree($1::regclass) p "
      "join pg_class c on c.oid = p.relid join pg_namespace n on n.oid = c.relnamespace "
      "where p.isleaf order by 1",
      Parameters().text(name));
  if (!leaves) return fail(connection->error(leaves.error(), "look at the table " + rewriting.table.text()));
  std::vector<std::string> tables;
  for (std::size_t row = 0; row < leaves->rows(); ++row) tables.push_back(leaves->text(row, 0));
  if (tables.empty()) tables.push_back(name);
  std::uint64_t changed = 0;
  for (int pass = 0; pass < passes_max && !stop.stop_requested(); ++pass) {
    std::uint64_t of_pass = 0;
    for (const std::string& table : tables) {
      SLUICE_TRY(const std::uint64_t of_table, Pass(*connection, rewriting, table).run(stop));
      of_pass += of_table;
    }
    changed += of_pass;
    if (of_pass != 0) continue;
    Reply left = connection->ask("select exists (select from " + name + " where " + quoted(rewriting.column) +
                                     " is not null and left(" + quoted(rewriting.column) + "::text, length($1)) <> $1)",
                                 Parameters().text(rewriting.keep));
    if (!left) return fail(connection->error(left.error(), "look for what is left in " + rewriting.table.text()));
    if (!left->flag(0, 0)) return changed;
  }
  if (stop.stop_requested()) return changed;
  return fail(Fault::conflict,
              rewriting.table.text() + "." + rewriting.column + ": there are still texts to be replaced after " +
                  std::to_string(passes_max) + " passes over the table",
              "something goes on to write them: start the runs again that began before the key was promoted");
}

}  // namespace sluice::postgres
