export * from "@placeos/ts-client";
