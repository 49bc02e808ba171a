#include "sluice/assembly/flow_source.hpp"

#include "sluice/core/log.hpp"
#include "sluice/engine/decoder.hpp"
#include "sluice/engine/parquet.hpp"
#include "sluice/objects/object_source.hpp"

namespace sluice::assembly {

namespace {

// Where none came, the run ends with an error that says so.
bool must_hold_rows(const project::Flow& flow) { return flow.mode == Mode::replace && flow.min_rows > 0; }

void warn_of_none(const OpenFlow& open) {
  log::warning("no object has such a key",
               {{"flow", open.flow->name}, {"looked_for", open.objects->uri(open.flow->from.objects.text)}});
}

}  // namespace

Result<std::vector<ObjectFacts>> objects_of(const OpenFlow& open) {
  SLUICE_TRY(std::vector<ObjectFacts> found, find_objects(*open.objects, open.flow->from.objects));
  if (found.empty()) warn_of_none(open);
  return found;
}

Result<objects::RowsOptions> object_rows_options(const OpenFlow& open) {
  objects::RowsOptions options;
  options.dialect = open.flow->from.dialect;
  options.warn_of_no_rows = !must_hold_rows(*open.flow) || open.flow->from.objects.by != ObjectNames::By::key;
  if (options.dialect.format == objects::Format::parquet) {
    SLUICE_TRY(auto parquet, engine::Parquet::open());
    options.open = [parquet, flow = open.flow, warn = options.warn_of_no_rows](ObjectStore& store,
                                                                               std::vector<ObjectFacts> objects) {
      return parquet->open_parts(store, std::move(objects), flow->record, {.warn_of_no_rows = warn});
    };
    return options;
  }
  options.one_column = options.dialect.format == objects::Format::csv && !options.dialect.csv.header &&
                       open.flow->record.fields.size() == 1;
  options.check_header = [flow = open.flow](std::string_view header) {
    return engine::check_csv_header(flow->record, flow->from.dialect.csv, header);
  };
  return options;
}

Result<FlowSource> open_source(const OpenFlow& open, std::chrono::seconds queue_wait) {
  FlowSource out;
  if (open.queue) {
    SLUICE_TRY(out.queue, open.queue->facts(queue_wait));
    SLUICE_TRY(out.source, open.queue->open_source());
    return out;
  }
  SLUICE_TRY(std::vector<ObjectFacts> found, find_objects(*open.objects, open.flow->from.objects));
  if (found.empty()) {
    if (must_hold_rows(*open.flow)) {
      return fail(Fault::data,
                  "min_rows: no object has a key like " + open.objects->uri(open.flow->from.objects.text) +
                      ", so no row would take the place of those in " + open.flow->into_table.text(),
                  "nothing was changed; if there may be none, say `min_rows: 0` beside `mode: replace`: the rows stay "
                  "then");
    }
    warn_of_none(open);
  }
  SLUICE_TRY(objects::RowsOptions options, object_rows_options(open));
  const bool together = open.target.mode == Mode::replace;
  out.source = std::make_unique<objects::ObjectSource>(*open.objects, objects::group(std::move(found), together),
                                                       std::move(options));
  return out;
}

}  // namespace sluice::assembly
