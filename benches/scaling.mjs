export async function scaling() {}
