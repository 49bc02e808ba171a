// The proof of a flow from objects: which of them the ledger holds, and what is made ready for their rows.
#include <algorithm>

#include "sluice/core/crash_point.hpp"
#include "sluice/core/log.hpp"
#include "sluice/postgres/refusals.hpp"
#include "sluice/postgres/sink.hpp"
#include "sluice/postgres/sql.hpp"

namespace sluice::postgres {
namespace {

constexpr std::size_t stream_bytes = std::size_t{128} << 10U;  // what one PQputCopyData takes, about

}  // namespace

// What the ledger holds is not loaded again. Two loads of one flow wait for each other: on the key of an object, or,
// where all objects stand for the table as a whole, on the flow.
Result<void> TableSink::prove_objects(const Delivery& delivery, Known& known) {
  const auto in_ledger = [this](const Reply& reply) -> Result<void> {
    if (!reply) return fail(error(reply.error(), "note objects in the ledger"));
    return {};
  };
  const auto flow = [this] { return Parameters().integer(plan_->flow); };
  if (plan_->mode == Mode::replace) {
    SLUICE_CHECK(in_ledger(connection_->ask("select 1 from " + plan_->flows + " where id = $1 for update", flow())));
    SLUICE_TRY(const bool same, loaded_as_they_are(delivery));
    if (same) {
      known.assign(known.size(), true);
      SLUICE_CRASH_POINT("C5_known");
      return {};
    }
    SLUICE_CHECK(in_ledger(connection_->ask("delete from " + plan_->objects + " where flow = $1", flow())));
    // Rejects of rows that are no more must not be replayed among those that took their place.
    SLUICE_CHECK(in_ledger(connection_->ask("delete from " + plan_->rejects + " where flow = $1", flow())));
    SLUICE_CHECK(in_ledger(connection_->ask("delete from " + plan_->chunks + " where flow = $1", flow())));
  } else if (plan_->refresh) {
    // What this run has loaded itself stays.
    for (const std::string& table : {plan_->objects, plan_->chunks}) {
      SLUICE_CHECK(
          in_ledger(connection_->ask("delete from " + table + " where flow = $1 and run <> $2", flow().integer(run_))));
    }
  }
  // An earlier version that comes back is merged again.
  if (plan_->mode == Mode::merge) SLUICE_CHECK(forget_other_versions(delivery));
  // Whoever comes second waits here, at the object's key.
  SLUICE_CHECK(list_objects(delivery, known));
  SLUICE_CHECK(find_chunks(delivery, known));
  std::string ready;
  if (plan_->mode == Mode::replace) ready = "delete from " + plan_->target;
  if (plan_->mode == Mode::merge) ready = plan_->start_merge;
  if (ready.empty()) return {};
  const Reply made = connection_->run(ready);
  if (!made) return fail(not_emptied(made.error(), "make ready table \"" + plan_->table + "\""));
  return {};
}

// A foreign key that is deferred speaks up where constraints become immediate again.
Error TableSink::not_emptied(const ServerError& refused, const std::string& what) {
  if (plan_->mode == Mode::replace && is_referred_to(refused)) {
    const std::string other = referring_table(*connection_, plan_->target, refused);
    if (!other.empty()) {
      return {Fault::conflict,
              connection_->where() + ": rows of table \"" + plan_->table + "\" are referred to by table " + other +
                  ", and cannot be replaced",
              "say `mode: merge` with a `key`, which changes rows in place, or drop that foreign key"};
    }
  }
  return error(refused, what);
}

Result<bool> TableSink::loaded_as_they_are(const Delivery& delivery) {
  if (plan_->refresh) return false;
  const Reply found = connection_->ask("select uri, version, definition from " + plan_->objects + " where flow = $1",
                                       Parameters().integer(plan_->flow));
  if (!found) return fail(error(found.error(), "read the ledger"));
  if (found->rows() != delivery.objects.size()) return false;
  for (std::size_t row = 0; row < found->rows(); ++row) {
    const bool same = std::ranges::any_of(delivery.objects, [&](const ObjectProof& object) {
      return presentable(object.uri) == found->text(row, 0) && object.version == found->text(row, 1);
    });
    if (!same || found->text(row, 2) != plan_->definition) return false;
  }
  if (found->rows() == 0) return true;
  SLUICE_TRY(const bool emptied, was_emptied());
  return !emptied;
}

// Whether somebody else took all rows out. A run that had no rows to write, and says so, leaves an empty table, too.
Result<bool> TableSink::was_emptied() {
  if (!plan_->may_read) return false;
  const Reply found = connection_->ask(
      "select not exists (select from " + plan_->target + ") and not exists (select from " + plan_->runs +
          " where id = (select max(run) from " + plan_->objects + " where flow = $1) and status = 'done' and rows = 0)",
      Parameters().integer(plan_->flow));
  if (!found) return fail(error(found.error(), "look whether \"" + plan_->table + "\" has rows"));
  if (!found->flag(0, 0)) return false;
  log::warning("the table was emptied: its objects are loaded again", {{"table", plan_->table}});
  return true;
}

Result<void> TableSink::list_objects(const Delivery& delivery, Known& known) {
  std::vector<std::string> texts;
  for (const ObjectProof& object : delivery.objects) {
    texts.push_back(presentable(object.uri));
    texts.push_back(presentable(object.version));
    texts.push_back(std::to_string(object.bytes));
  }
  std::vector<std::vector<std::string_view>> columns(3);
  for (std::size_t i = 0; i < texts.size(); ++i) columns[i % 3].emplace_back(texts[i]);
  const Reply listed = connection_->ask(
      "insert into " + plan_->objects +
          " (flow, uri, version, bytes, definition, run) select $1::integer, o.uri, o.version, o.bytes::bigint, $2, "
          "$3::bigint from unnest($4::text[], $5::text[], $6::text[]) as o(uri, version, bytes) order by o.uri on "
          "conflict do nothing returning uri",
      Parameters()
          .integer(plan_->flow)
          .text(plan_->definition)
          .integer(run_)
          .texts(columns[0])
          .texts(columns[1])
          .texts(columns[2]));
  if (!listed) return fail(error(listed.error(), "note objects in the ledger"));
  std::vector<std::string> uris;
  for (std::size_t row = 0; row < listed->rows(); ++row) uris.push_back(listed->text(row, 0));
  for (std::size_t i = 0; i < known.size(); ++i) {
    known[i] = std::ranges::find(uris, presentable(delivery.objects[i].uri)) == uris.end();
  }
  return {};
}

Result<void> TableSink::forget_other_versions(const Delivery& delivery) {
  std::vector<std::string> texts;
  for (const ObjectProof& object : delivery.objects) {
    texts.push_back(presentable(object.uri));
    texts.push_back(presentable(object.version));
  }
  std::vector<std::vector<std::string_view>> columns(2);
  for (std::size_t i = 0; i < texts.size(); ++i) columns[i % 2].emplace_back(texts[i]);
  const Reply done = connection_->ask("delete from " + plan_->objects +
                                          " as o using unnest($2::text[], $3::text[]) as n(uri, version) where o.flow "
                                          "= $1 and o.uri = n.uri and o.version <> n.version",
                                      Parameters().integer(plan_->flow).texts(columns[0]).texts(columns[1]));
  if (!done) return fail(error(done.error(), "note objects in the ledger"));
  return {};
}

// Which objects were loaded in part. A merge of another version begins again, as it would after a whole one;
// but not over rows that no version may have had.
Result<void> TableSink::find_chunks(const Delivery& delivery, const Known& known) {
  if (delivery.objects.size() == 1) object_ = delivery.objects.front();
  const Reply found = connection_->ask(
      "select uri, version, definition, rows, position, line from " + plan_->chunks + " where flow = $1",
      Parameters().integer(plan_->flow));
  if (!found) return fail(error(found.error(), "read the ledger"));
  for (std::size_t row = 0; row < found->rows(); ++row) {
    const auto object = std::ranges::find(delivery.objects, found->text(row, 0),
                                          [](const ObjectProof& one) { return presentable(one.uri); });
    if (object == delivery.objects.end() || known[static_cast<std::size_t>(object - delivery.objects.begin())])
      continue;
    const auto number = [&](std::size_t column) { return static_cast<std::uint64_t>(found->integer(row, column)); };
    const BegunObject begun{found->text(row, 1), found->text(row, 2), {number(3), number(4), number(5)}};
    if (begun.version == presentable(object->version) && begun.definition == plan_->definition) {
      there_ = begun.upto;
    } else if (plan_->mode == Mode::merge && !begun.version.starts_with(doubted)) {
      SLUICE_CHECK(forget_chunk(object->uri));
    } else {
      return fail(cannot_go_on(*object, begun,
                               "DELETE FROM " + plan_->chunks + " WHERE flow = " + std::to_string(plan_->flow) +
                                   " AND uri = " + literal(found->text(row, 0))));
    }
  }
  return {};
}

Result<void> TableSink::forget_chunk(const std::string& uri) {
  const Reply done = connection_->ask("delete from " + plan_->chunks + " where flow = $1 and uri = $2",
                                      Parameters().integer(plan_->flow).text(presentable(uri)));
  if (!done) return fail(error(done.error(), "note objects in the ledger"));
  return {};
}

Result<void> TableSink::doubt(const ObjectProof& object) {
  SLUICE_CHECK(connect());  // a stream of rows that is given up takes its connection with it
  const Reply noted = connection_->ask(
      "update " + plan_->chunks + " set version = $3 || version where flow = $1 and uri = $2 and version = $4",
      Parameters().integer(plan_->flow).text(presentable(object.uri)).text(doubted).text(presentable(object.version)));
  if (!noted) return fail(error(noted.error(), "note objects in the ledger"));
  return {};
}

Result<void> TableSink::commit_chunk(const Progress& upto) {
  SLUICE_CHECK(end_stream());
  const auto here = [this] {
    return Parameters().integer(plan_->flow).text(presentable(object_.uri)).text(presentable(object_.version));
  };
  // The object's line was what another run waited at; it is committed with the last rows only.
  Reply noted =
      connection_->ask("delete from " + plan_->objects + " where flow = $1 and uri = $2 and version = $3", here());
  if (noted) {
    noted = connection_->ask(
        "insert into " + plan_->chunks +
            " as old (flow, uri, version, definition, rows, position, line, run) values ($1::integer, $2, $3, $4, "
            "$5::bigint, $6::bigint, $7::bigint, $8::bigint) on conflict (flow, uri) do update set version = "
            "excluded.version, definition = excluded.definition, rows = excluded.rows, position = excluded.position, "
            "line = excluded.line, run = excluded.run, at = excluded.at",
        here()
            .text(plan_->definition)
            .integer(static_cast<std::int64_t>(upto.rows))
            .integer(static_cast<std::int64_t>(upto.offset))
            .integer(static_cast<std::int64_t>(upto.line))
            .integer(run_));
  }
  if (!noted) return fail(error(noted.error(), "note objects in the ledger"));
  return send_commit();
}

Result<std::vector<Reject>> TableSink::stream(std::span<const Batch> batches, const Known& known) {
  if (!connection_) return fail(Fault::transient, "postgres: the connection was lost before the rows were written");
  std::vector<Reject> rejects;
  writer_.lay_out(batches, known);
  const auto started = std::chrono::steady_clock::now();
  double waited = 0;
  Reply reply = Answer{};
  if (!streaming_) {
    const Stopwatch watch(waited);
    // A deferred constraint would speak up at COMMIT, where no row can be told from the others.
    reply = connection_->start_copy("set constraints all immediate;" + plan_->copy);
    if (!reply) return fail(not_emptied(reply.error(), "write rows to \"" + plan_->table + "\""));
    streaming_ = true;
    buffer_.clear();
    writer_.begin(buffer_);
  }
  for (std::size_t number = 0; number < writer_.messages() && reply; ++number) {
    if (std::optional<Reject> reject = writer_.append(number, buffer_)) rejects.push_back(std::move(*reject));
    if (buffer_.size() < stream_bytes) continue;
    const Stopwatch watch(waited);
    reply = connection_->put(buffer_.view());
    buffer_.clear();
  }
  seconds_.database += waited;
  seconds_.encode += std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count() - waited;
  if (!reply) SLUICE_CHECK(refused_in_stream(reply.error()));
  SLUICE_CRASH_POINT("C1_rows_written");
  return rejects;
}

Result<void> TableSink::end_stream() {
  if (!streaming_) return {};
  {
    const Stopwatch watch(seconds_.database);
    writer_.end(buffer_);
    Reply ended = buffer_.size() == 0 ? Reply(Answer{}) : connection_->put(buffer_.view());
    buffer_.clear();
    if (ended) ended = connection_->end_copy();
    if (!ended) return refused_in_stream(ended.error());
  }
  streaming_ = false;
  const std::vector<SealedReject> kept = std::move(kept_);
  kept_.clear();
  kept_bytes_ = 0;
  return keep(kept);
}

Result<void> TableSink::refused_in_stream(const ServerError& refused) {
  streaming_ = false;
  if (!is_about_a_row(refused)) return fail(error(refused, "write rows to \"" + plan_->table + "\""));
  return look_for_row();
}

Result<void> TableSink::look_for_row() {
  careful_ = true;
  return fail(Fault::transient, connection_->where() + ": \"" + plan_->table + "\" refuses a row; it is looked for");
}

}  // namespace sluice::postgres
