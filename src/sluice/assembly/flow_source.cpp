#include "sluice/assembly/flow_source.hpp"

#include "sluice/core/log.hpp"
#include "sluice/engine/decoder.hpp"
#include "sluice/engine/parquet.hpp"
#include "sluice/objects/object_source.hpp"

namespace sluice::assembly {

Result<std::vector<ObjectFacts>> objects_of(const OpenFlow& open) {
  SLUICE_TRY(std::vector<ObjectFacts> found, find_objects(*open.objects, open.flow->from.objects));
  if (found.empty()) {
    log::warning("no object has such a key",
                 {{"flow", open.flow->name}, {"looked_for", open.objects->uri(open.flow->from.objects.text)}});
  }
  return found;
}

Result<objects::RowsOptions> object_rows_options(const OpenFlow& open) {
  objects::RowsOptions options;
  options.dialect = open.flow->from.dialect;
  if (options.dialect.format == objects::Format::parquet) {
    SLUICE_TRY(auto parquet, engine::Parquet::open());
    options.open = [parquet, flow = open.flow](ObjectStore& store, std::vector<ObjectFacts> objects) {
      return parquet->open_parts(store, std::move(objects), flow->record);
    };
    return options;
  }
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
  SLUICE_TRY(std::vector<ObjectFacts> found, objects_of(open));
  SLUICE_TRY(objects::RowsOptions options, object_rows_options(open));
  const bool together = open.target.mode == Mode::replace;
  out.source = std::make_unique<objects::ObjectSource>(*open.objects, objects::group(std::move(found), together),
                                                       std::move(options));
  return out;
}

}  // namespace sluice::assembly
