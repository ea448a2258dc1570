import react from "@vitejs/plugin-react";
import { defineConfig, loadEnv } from "vite";

// The browser sees one origin: requests to these paths go on to the login server, with the `Host`, `Origin` and
// `Sec-Fetch-Site` that the browser sent. So its cookies are first-party, and its check against forged requests holds.
export default defineConfig(({ mode }) => {
  const { LOGIN_SERVER = "http://127.0.0.1:3000" } = loadEnv(mode, ".", "LOGIN_");
  const proxy = { "/api": LOGIN_SERVER, "/spa": LOGIN_SERVER };
  return {
    plugins: [react()],
    server: { proxy },
    preview: { proxy },
  };
});
