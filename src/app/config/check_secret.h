#pragma once
// Whether the two keys of a secret say where it is.

#include <string>

#include "app/config/check.h"
#include "base/secret.h"

namespace hopscope::app {

/// `key` without its ending: "export.http.auth.users[0].password" for password_file and
/// password_env. Exactly one is needed.
void check_secret(const SecretSource& source, const std::string& key, const Check& check);

/// Whether it can be read now, on this machine.
void check_secret_there(const SecretSource& source, const std::string& key, const Check& check);

}  // namespace hopscope::app
