import express from "express";

import { admin } from "./admin";

const app = express();

app.use(express.json());

app.get("/health", (_request, response) => {
  response.json({ ok: true });
});

app.use("/admin", admin);

app.listen(8080);
