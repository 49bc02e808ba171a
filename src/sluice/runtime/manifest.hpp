// A manifest: the object that lists others, written last. Readers take what the newest one lists.
//
// JSON; the file names stand in docs/exports.md. What was written with the same content before is not written again,
// so that a rerun changes no byte.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sluice/core/object_store.hpp"
#include "sluice/core/type.hpp"
#include "sluice/core/watch.hpp"

namespace sluice::runtime {

struct ManifestEntry {
  std::string key;
  std::uint64_t rows = 0;
  std::uint64_t bytes = 0;
  std::string sha256;   // 64 hex digits
  std::string version;  // the ETag

  bool operator==(const ManifestEntry&) const = default;
};

struct Manifest {
  std::string project;
  std::vector<std::string> flows{};
  std::string snapshot{};  // what the database calls the moment that was read; or ""
  std::string mask_key{};  // id of the primary key, where a mask took part; or ""
  std::string writer{};    // a nonce; empty: of a list of whole objects
  Schema columns{};        // of files; empty: of a list of whole objects
  std::vector<ManifestEntry> entries{};
  ReadMark mark{};  // of files that grow: which rows stand in them; empty: the rows of one moment
};

std::string to_json(const Manifest& manifest);
// Errors (conflict): no manifest of ours.
Result<Manifest> parse_manifest(const std::string& text, const std::string& uri);

struct FoundManifest {
  Manifest manifest;
  std::string version;
};
// Empty: there is none.
Result<std::optional<FoundManifest>> find_manifest(ObjectStore& store, const std::string& key);

// Puts it where `before` still is what stands there. A lost reply is looked up by the nonce. Someone else's manifest in
// between is an error (conflict): we are fenced, and nothing is deleted. Gives whether anything had to be written:
// what lists the same objects stays, whatever its nonce and snapshot.
Result<bool> publish_manifest(ObjectStore& store, const std::string& key, const Manifest& manifest,
                              const std::optional<FoundManifest>& before);

}  // namespace sluice::runtime
