// The audit log: who looked at values in clear, when, and at how many of what. Never a value, nor a token.
//
// JSON lines beside the keyring, since whoever can look has the keyring: one place for all projects that use it.
// Written and on the disk before anything is shown; where it cannot be written, nothing is.
#pragma once

#include <string>

#include "sluice/cli/session.hpp"

namespace sluice::cli {

struct AuditOptions {
  std::string file;  // empty: KEYRING.audit

  // --audit-log FILE, and the variable SLUICE_AUDIT_LOG
  void add_to(Command command);
  // Adds who and when to what `looked` says.
  Result<void> write(const std::string& keyring, const Json& looked) const;
};

}  // namespace sluice::cli
