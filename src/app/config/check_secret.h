#pragma once
// Checks the two keys that name the source of a secret.

#include <string>

#include "app/config/check.h"
#include "base/secret.h"

namespace hopscope::app {

/// `key` without its ending: "export.http.auth.users[0].password" for password_file and
/// password_env. Exactly one is needed.
void check_secret(const SecretSource& source, const std::string& key, const CheckReporter& check);

/// Whether the secret can be read now, on this machine.
void check_secret_there(const SecretSource& source, const std::string& key,
                        const CheckReporter& check);

}  // namespace hopscope::app
