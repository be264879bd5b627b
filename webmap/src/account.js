// Signing in and the account: forms that work without a script; this only carries the styles and the language.
import "./address.js";
